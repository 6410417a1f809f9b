"""Jobs that headquarters sent, and how far the crew is with them: a job only goes on. Pure."""

from msgspec import Struct
from msgspec.structs import replace

from hal.readings import Fix
from terminal.contract.work import ENDED, Job, JobStep
from terminal.core.channels import ARRIVED_BELOW_MPS, ARRIVED_WITHIN_M
from terminal.core.position import distance_m
from terminal.shown import JobView

ORDER = tuple(JobStep)
USUAL_NEXT = {
    JobStep.SENT: JobStep.ACCEPTED,
    JobStep.ACCEPTED: JobStep.EN_ROUTE,
    JobStep.EN_ROUTE: JobStep.ON_SCENE,
    JobStep.ON_SCENE: JobStep.DONE,
}
"""What a crew mostly does next, one tap."""


class JobHere(Struct, frozen=True):
    """A job as headquarters told it last, and the crew's own word, which headquarters may not have yet."""

    told: Job
    step: JobStep
    reason: str = ""


Jobs = tuple[JobHere, ...]


def desired(jobs: Jobs, told: tuple[Job, ...]) -> Jobs:
    """The jobs that headquarters names, each as far as whoever is further says; others were withdrawn or are over."""
    known = {one.told.job: one for one in jobs}
    return tuple(_merged(known.get(job.job), job) for job in told)


def _merged(here: JobHere | None, told: Job) -> JobHere:
    if here is None or ORDER.index(told.step) >= ORDER.index(here.step):
        return JobHere(told, told.step, told.reason)
    return replace(here, told=told)


def answered(jobs: Jobs, job: str, step: JobStep, reason: str) -> Jobs | None:
    """The jobs once the crew has said this; None when it says nothing new or comes too late."""
    here = next((one for one in jobs if one.told.job == job), None)
    if here is None or here.step in ENDED or ORDER.index(step) <= ORDER.index(here.step):
        return None
    after = replace(here, step=step, reason=reason)
    return tuple(after if one is here else one for one in jobs)


def view(jobs: Jobs, fix: Fix | None, speed_mps: float | None, *, is_present: bool) -> tuple[JobView, ...]:
    """What the screen may show: open jobs as they were told, and the step that the car itself would take next.

    `is_present`: headquarters told them out of the store that it has now, which so has the steps that it named.
    """
    return tuple(
        JobView(
            job=one.told,
            step=one.step,
            reason=one.reason,
            received=one.step is JobStep.SENT or (is_present and one.told.step is one.step),
            next=USUAL_NEXT.get(one.step),
            arrived=one.step is JobStep.EN_ROUTE and _is_there(one.told, fix, speed_mps),
        )
        for one in jobs
    )


def _is_there(job: Job, fix: Fix | None, speed_mps: float | None) -> bool:
    """Whether the car stands near the job's place."""
    if fix is None or fix.lat_deg is None or fix.lon_deg is None or job.lat_deg is None or job.lon_deg is None:
        return False
    stands = speed_mps is not None and speed_mps < ARRIVED_BELOW_MPS
    return stands and distance_m((fix.lat_deg, fix.lon_deg), (job.lat_deg, job.lon_deg)) < ARRIVED_WITHIN_M
