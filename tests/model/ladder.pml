/*
 * The alarm ladder between a crew, its car and headquarters: what the crew did, what the car shows of it, what
 * headquarters keeps and answers, over a broker and a capped SMS bearer, and all that can go wrong with them.
 *
 * docs/model.md says which function of the code each rule stands for. outbox.pml beside this file has what lies below:
 * places, receipts by place, full disks, restored backups, cloned cards. Here a message is its id and nothing more, but
 * for the incident in which it tells of its press.
 * Sizes, faults and mutants are given on spin's command line: see test_ladder_model.py.
 *
 * A line is the set of all that was ever handed to it: what is taken from it may be taken late, again, in any order, or
 * never. A crash of headquarters between its commit and its answer is an answer that nobody ever takes.
 */

#ifndef PRESSES
#define PRESSES 0               /* of the button in the dashboard, at most 2 */
#endif
#ifndef SCREENS
#define SCREENS 0               /* alarms that are raised on the screen */
#endif
#ifndef ARMS
#define ARMS 0                  /* how often the crew may open the window for a test */
#endif
#ifndef CANCELS
#define CANCELS 0
#endif
#ifndef ACTS
#define ACTS 0                  /* of headquarters: taken, cleared, closed by itself */
#endif
#ifndef CAP
#define CAP 0                   /* SMS of one message; 0: there is no such bearer */
#endif
#ifndef CRASHES
#define CRASHES 0
#endif
#ifndef FAILURES
#define FAILURES 0              /* how often the car's disk begins to fail; it comes back */
#endif

/* What may be raised on the screen, and what the window is for. An exercise is a test that only a person closes. */
#if !defined(SILENT) && !defined(PRACTICE) && !defined(LOUD)
#define PRACTICE
#endif

#define K (PRESSES + SCREENS)   /* incidents: that of a press has its number, whoever reports it */
#define M (K * 5)
#define REAL(i) ((i) * 5)       /* raised, as a real one */
#define TRIED(i) ((i) * 5 + 1)  /* raised, as a test or an exercise */
#define SIGNAL(i) ((i) * 5 + 2) /* pressed again */
#define CANCEL(i) ((i) * 5 + 3) /* a mistake, as far as it was pressed once */
#define ANEW(i) ((i) * 5 + 4)   /* all of it a mistake, that it was pressed again too */
#define OF(m) ((m) / 5)
#define IS_RAISE(m) ((m) % 5 < 2)
#define IS_PRESS(m) ((m) % 5 < 3)
#define REVISIONS (2 * K + ACTS)

/*
 * The same press, told as a signal on the other incident or as an incident of its own: one message, with one id. Two
 * presses of one kind are enough for that; the third incident is a silent one.
 */
#if PRESSES == 2 || defined(LOUD)
#define HAS_TWIN(m) ((m) < 10 && ((m) % 5 == 0 || (m) % 5 == 2))
#define TWIN(m) (HAS_TWIN(m) -> 7 - (m) : (m))
#else
#define HAS_TWIN(m) false
#define TWIN(m) (m)
#endif

#define ONE(n) (1 << (n))
#define IN(n, set) (((set) >> (n)) & 1)
#define ADD(set, n) set = set | ONE(n)
#define DROP(set, n) set = set & ~ONE(n)
#define EVERY ((1 << M) - 1)

/* A promise that is broken is named in the error: "assertion violated name". */
#define PROMISE(name, holds) name = (holds); assert(name)

/* A promise of what is so in the end; FAIR asks whether every fair run comes to such an end, and stays there. */
#ifdef FAIR
#define FINALLY(name, holds) well = well && (holds)
#else
#define FINALLY(name, holds) PROMISE(name, holds)
#endif
bit well;

hidden byte cancelled_as_said, received_is_stored, shown_is_said, cleared_with_every_press, stored_is_on_disk, one_press_one_incident,
    real_is_never_practice, only_a_person_closes_real, opened_again_by_a_press, silent_moves_nothing,
    alarm_received, told_in_full, stored_in_the_end, shown_in_the_end, no_press_absorbed, sms_is_capped;

/* How far an incident has come, as the car may show it. */
#define NONE 0
#define RAISED 1
#define RECEIVED 2
#define ACKNOWLEDGED 3
#define CLEARED 4
#define OPEN(i) (core.phase[i] != NONE && core.phase[i] != CLEARED)

/* The emergency's state: emergency.Emergency. */
typedef Emergency {
    byte phase[K];
    byte practice;              /* incidents */
    byte silent;
    byte signalled;
    byte counted;               /* incidents in which a second press was ever counted */
    byte cancelled;
    byte taken;                 /* presses that have been dealt with */
    short unstored;             /* messages that are not known to be on disk */
    byte answer                 /* revision of headquarters' answer that is shown */
};
Emergency core;                 /* in memory: a crash takes it */
Emergency card;                 /* on disk: a crash leaves it */
short rows;                     /* messages in the outbox */
short receipted;                /* of those */
bit window;                     /* the next press is a test */
byte sent_sms[M];

/* The board: firmware/latch.py. */
byte latched;                   /* presses that it holds until it is told that they are on disk */

bit failing;
bit dead;
byte presses_made, screens_made, arms, cancels, crashes, failures, acts;

/* The lines. */
short up;
short up_sms;
short down;                     /* receipts, by the message's id */
short down_sms;

/* Headquarters' disk: hq/incidents.py, hq/store.py. */
short whole;                    /* messages as they came over a broker */
short capsules;                 /* as they came by SMS */
byte practised;                 /* incidents that count as test or exercise */
byte taken_by;                  /* incidents that a named person has taken */
byte closed;
byte begun;                     /* incidents, under their own id */
byte begun_anew;                /* under another */
byte revision;
byte said_begun[REVISIONS + 1], said_taken[REVISIONS + 1], said_closed[REVISIONS + 1];
short said_presses[REVISIONS + 1];

#define STORED(m) (IN(m, whole) || IN(m, capsules))
#define TOLD(m) (STORED(m) || STORED(TWIN(m)))  /* in whichever incident */
#define KNOWN(i) (IN(i, begun | begun_anew))
#define RAISE_KNOWN(i) (TOLD(REAL(i)) || STORED(TRIED(i)))
#define MISTAKEN(i) (STORED(ANEW(i)) || STORED(CANCEL(i)) && SPOKEN_OF(i))
#ifdef CANCEL_SPEAKS_OF_ALL
#define SPOKEN_OF(i) true
#else
#define SPOKEN_OF(i) (!STORED(SIGNAL(i)))
#endif

/* Nothing of the following exists: it is what the promises speak of. */
byte meant_practice;            /* presses and screen alarms that the crew means as a test */
byte meant_silent;
byte closed_by_person;
short knew[K];                  /* messages that headquarters had when it closed this incident */
byte leads_into[K];             /* the incident that a press ended in */
byte leads_as[K];               /* as which of its messages */
byte mistakes;                  /* presses of which the crew has said so */
byte newest;                    /* of the answers that the car has heard */
byte newest_on_card;
bit armed;                      /* the crew means its next press as a test */
bit calm;

/* Written before they are read within one indivisible step. */
hidden byte x, n, r, i, k, p, seen, wanted, round;
hidden byte fresh, begins;
hidden short was;

#define DISK (!failing && !dead)
#define OWED ((rows & ~receipted) | core.unstored)

/* What anybody in the car can see or hear: the lamp, the lowest rung of all that is open and not silent. */
inline look_at_outputs()
{
    seen = NONE;
    wanted = NONE;
    for (x : 0 .. K - 1) {
        if
#ifdef SILENT_IS_SHOWN
        :: OPEN(x) && (seen == NONE || core.phase[x] < seen) -> seen = core.phase[x]
#else
        :: OPEN(x) && !IN(x, core.silent) && (seen == NONE || core.phase[x] < seen) -> seen = core.phase[x]
#endif
        :: else
        fi;
        if
        :: OPEN(x) && !IN(x, meant_silent) && (wanted == NONE || core.phase[x] < wanted) -> wanted = core.phase[x]
        :: else
        fi
    }
    PROMISE(silent_moves_nothing, (seen == wanted))
}

/* What neighbours are shown: every message of an incident says whether it is silent, whichever comes first. */
inline look_at_picture()
{
    for (x : 0 .. K - 1) {
        if
#ifdef SILENT_SAID_BY_THE_RAISE_ONLY
        :: KNOWN(x) && !IN(x, closed) && !(RAISE_KNOWN(x) && IN(x, meant_silent)) ->
#else
        :: KNOWN(x) && !IN(x, closed) && !IN(x, meant_silent) ->
#endif
            PROMISE(silent_moves_nothing, (!IN(x, meant_silent)))
        :: else
        fi
    }
}

inline copy_emergency(from, to)
{
    for (x : 0 .. K - 1) {
        to.phase[x] = from.phase[x]
    }
    to.practice = from.practice;
    to.silent = from.silent;
    to.signalled = from.signalled;
    to.counted = from.counted;
    to.cancelled = from.cancelled;
    to.taken = from.taken;
    to.unstored = from.unstored;
    to.answer = from.answer
}

/* An alarm in the car */

inline message(m)               /* emergency._out: made and owed before anything can fail */
{
    if
    :: !IN(m, rows) -> ADD(core.unstored, m)
    :: else
    fi
}

inline raise(incident, as_practice, as_silent)          /* emergency._called */
{
    core.phase[incident] = RAISED;
    if
    :: as_practice -> ADD(core.practice, incident); message(TRIED(incident))
    :: else -> message(REAL(incident))
    fi;
    if
    :: as_silent -> ADD(core.silent, incident)
    :: else
    fi
}

#ifdef PRACTICE_ABSORBS
#define SAME_KIND(incident, as_practice) true
#else
#define SAME_KIND(incident, as_practice) (IN(incident, core.practice) == (as_practice))
#endif
#ifdef SILENT_ABSORBS
#define SAME_SILENCE(incident) true
#else
#define SAME_SILENCE(incident) (!IN(incident, core.silent))
#endif

inline press(number)            /* what the crew does; the board latches it */
{
    ADD(latched, number);
    if
    :: armed -> ADD(meant_practice, number)
    :: else
    fi;
    armed = false               /* one press is tried, and everybody knows it */
}

#define LEADS_TO(number) (leads_into[number] * 5 + leads_as[number])
#define HOME(number) (STORED(LEADS_TO(number)) -> LEADS_TO(number) : TWIN(LEADS_TO(number)))

inline release(number)          /* effects.ConfirmPress */
{
    PROMISE(stored_is_on_disk, (IN(LEADS_TO(number), rows)));
    DROP(latched, number)
}

#ifdef CANCEL_OUTLIVES_PRESS
#define TAKES_BACK(incident) skip
#else
#define TAKES_BACK(incident) DROP(core.cancelled, incident)
#endif

inline signal(incident)         /* calling._signalled */
{
    ADD(core.signalled, incident);
    ADD(core.counted, incident);
    TAKES_BACK(incident);
    message(SIGNAL(incident))
}

/* Headquarters has said that this press is in this incident, and a crash made core forget that it told it so. */
#define IN_SIGNALLED(number, incident) (IN(incident, core.signalled) && TWIN(SIGNAL(incident)) == REAL(number))

inline call(number, as_practice)        /* calling.called: of a press or of the screen */
{
    n = K;
    for (x : 0 .. K - 1) {
        if
        :: n == K && OPEN(x) && SAME_KIND(x, as_practice) && SAME_SILENCE(x) -> n = x
        :: else
        fi
    }
    for (x : 0 .. K - 1) {
        if
        :: !as_practice && x != number && IN_SIGNALLED(number, x) -> n = K + 1 + x
        :: else
        fi
    }
    if
    :: core.phase[number] != NONE && IN(number, core.practice) == (as_practice) ->      /* calling._told_again */
        leads_into[number] = number;
        leads_as[number] = as_practice;
        message(number * 5 + as_practice)
    :: else ->
        if
        :: n > K ->
            leads_into[number] = n - K - 1;
            leads_as[number] = 2;
            message(SIGNAL(leads_into[number]))
        :: n < K ->
            leads_into[number] = n;
            leads_as[number] = 2;
            signal(n)
        :: else ->
            leads_into[number] = number;
            leads_as[number] = as_practice;
            raise(number, as_practice, false)
        fi
    fi
}

inline cancel(incident)         /* calling.cancelled: it speaks of the presses before it */
{
    ADD(core.cancelled, incident);
    for (x : 0 .. K - 1) {
        if
        :: IN(x, core.taken) && leads_into[x] == incident || x == incident || IN_SIGNALLED(x, incident) ->
            ADD(mistakes, x)
        :: else
        fi
    }
    if
    :: IN(incident, core.counted) -> message(ANEW(incident))
    :: else -> message(CANCEL(incident))
    fi
}

inline take_press()             /* calling.pressed: the oldest that the board holds */
{
    p = (IN(0, latched & ~core.taken) -> 0 : 1);
    call(p, window);
    ADD(core.taken, p);
#ifdef TOLD_STORED_BEFORE_COMMIT
    release(p);
#endif
#ifndef WINDOW_STAYS_OPEN
    window = false
#endif
}

inline confirm()                /* emergency.stored, _confirm_again */
{
    for (k : 0 .. PRESSES - 1) {
        if
        :: IN(k, latched) && IN(k, core.taken) && !IN(LEADS_TO(k), core.unstored) -> release(k)
        :: else
        fi
    }
}

inline commit()                 /* Storing.alarms: the messages and the state, in one transaction */
{
    rows = rows | core.unstored;
    core.unstored = 0;
    copy_emergency(core, card);
    newest_on_card = newest;
#if PRESSES > 0
    confirm()
#endif
}

inline save()                   /* effects.SaveEmergency */
{
    copy_emergency(core, card);
    newest_on_card = newest;
#ifdef SAVED_WITHOUT_UNSTORED
    card.unstored = 0
#endif
}

inline received(m)              /* emergency.received */
{
    if
#ifdef RECEIPT_OF_ANYTHING
    :: core.phase[K - 1] == RAISED ->
        PROMISE(received_is_stored, (RAISE_KNOWN(K - 1)));
        core.phase[K - 1] = RECEIVED
#endif
    :: IS_RAISE(m) && core.phase[OF(m)] == RAISED ->
        PROMISE(received_is_stored, (RAISE_KNOWN(OF(m))));
        core.phase[OF(m)] = RECEIVED
    :: else
    fi
}

inline settled(m)               /* Outbox.settle */
{
    if
    :: DISK && IN(m, rows) -> ADD(receipted, m)
    :: else
    fi
}

inline crash()                  /* Core._restore: memory is what the disk says */
{
    crashes++;
    copy_emergency(card, core);
    newest = newest_on_card;
#ifdef ANSWER_FORGOTTEN
    core.answer = 0;
#endif
#ifndef RECEIPTS_NOT_LOOKED_UP
    for (k : 0 .. M - 1) {
        if
        :: IN(k, rows & receipted) -> received(k)
        :: else
        fi
    }
#endif
    window = false;
    armed = false
}

inline was_handed_over(m)       /* emergency.published: sent, and no more than that */
{
#ifdef HANDED_OVER_IS_RECEIVED
    received(m)
#else
    skip
#endif
}

inline transmit()               /* Sender */
{
#ifdef ALARM_WAITS_FOR_COMMIT
    was = rows & ~receipted;
#else
    was = OWED;
#endif
#ifdef CAP_ENDS_EVERYTHING
    for (k : 0 .. M - 1) {
        if
        :: sent_sms[k] >= CAP && CAP > 0 -> DROP(was, k)
        :: else
        fi
    }
#endif
    up = up | was;
    for (k : 0 .. M - 1) {
        if
        :: IN(k, was) -> was_handed_over(k)
        :: else
        fi
    }
}

#ifdef SMS_WITHOUT_CAP
#define MAY_SMS(m) (IN(m, OWED) && core.phase[OF(m)] <= RAISED && sent_sms[m] <= CAP)
#else
#define MAY_SMS(m) (IN(m, OWED) && core.phase[OF(m)] <= RAISED && sent_sms[m] < CAP)
#endif

inline transmit_sms(m)          /* the SMS bearer: while nobody has it, and so often at most */
{
    sent_sms[m]++;
    PROMISE(sms_is_capped, (sent_sms[m] <= CAP));
    ADD(up_sms, m)
}

/* What headquarters says to the car */

inline hear_receipt(m)          /* Inbox, Outbox.settle */
{
    received(m);
    settled(m);
    if
    :: HAS_TWIN(m) -> received(TWIN(m)); settled(TWIN(m))
    :: else
    fi
}

inline hear_sms(m)              /* a receipt by SMS: the crew knows, and the whole message is still owed */
{
    received(m);
#ifdef SMS_RECEIPT_EMPTIES
    settled(m)
#endif
}

inline hear_forged(m)           /* a receipt and an answer that headquarters never signed */
{
#ifdef UNSIGNED_RECEIPT_COUNTS
    received(m);
#endif
#ifdef UNSIGNED_ANSWER_COUNTS
    if
    :: OPEN(OF(m)) -> core.phase[OF(m)] = ACKNOWLEDGED
    :: else
    fi;
    look_at_what_is_shown();
#endif
    skip
}

#define SAID(i, rev) (IN(i, said_taken[rev]) || IN(i, said_closed[rev]))
#define EVERY_PRESS(i, rev) (!IN(i, core.signalled) || IN(SIGNAL(i), said_presses[rev]))
#define SAYS(m, rev) IN(m, said_presses[rev])

inline look_at_what_is_shown()
{
    for (x : 0 .. K - 1) {
        if
        :: core.phase[x] == CLEARED ->
            PROMISE(shown_is_said, (IN(x, said_closed[newest])));
            PROMISE(cleared_with_every_press, (EVERY_PRESS(x, newest)))
        :: core.phase[x] == ACKNOWLEDGED ->
            PROMISE(shown_is_said, (SAID(x, newest)))
        :: core.phase[x] == NONE ->
            PROMISE(shown_is_said, (!IN(x, said_begun[newest]) || IN(x, said_closed[newest])))
        :: else ->
            PROMISE(shown_is_said, (!SAID(x, newest) || !EVERY_PRESS(x, newest)))
        fi
    }
}

inline shown(incident)          /* following._as_told */
{
    if
    :: core.phase[incident] == NONE ->
        core.phase[incident] = RECEIVED;
        if
        :: IN(incident, practised) -> ADD(core.practice, incident)
        :: else -> DROP(core.practice, incident)
        fi;
        if
        :: IN(incident, meant_silent) -> ADD(core.silent, incident)
        :: else -> DROP(core.silent, incident)
        fi;
        DROP(core.signalled, incident);
        DROP(core.counted, incident);
        DROP(core.cancelled, incident)
    :: else
    fi
}

#define IS_ELSEWHERE(m, rev) (HAS_TWIN(m) && SAYS(TWIN(m), rev) && !SAYS(m, rev))

inline follow(rev)              /* following.followed: presses are where headquarters has them, and so is what is open */
{
#ifndef PRESSES_NOT_FOLLOWED
    for (x : 0 .. K - 1) {
        if
        :: IN(x, core.signalled) && IS_ELSEWHERE(SIGNAL(x), rev) ->
            DROP(core.signalled, x);
            shown(OF(TWIN(SIGNAL(x))))
        :: else
        fi;
        if
        :: core.phase[x] != NONE && !IN(x, core.practice | core.silent) && IS_ELSEWHERE(REAL(x), rev) ->
            shown(OF(TWIN(REAL(x))));
            if
            :: !IN(x, core.signalled) && !IN(x, said_begun[rev]) -> core.phase[x] = NONE
            :: else
            fi
        :: else
        fi
    }
#endif
    for (x : 0 .. K - 1) {
#ifndef UNKNOWN_NOT_SHOWN
        if
        :: IN(x, said_begun[rev]) && !IN(x, said_closed[rev]) -> shown(x)
        :: else
        fi;
#endif
        if
        :: core.phase[x] != NONE && SAYS(SIGNAL(x), rev) ->
            if
            :: !IN(x, core.counted) -> DROP(core.cancelled, x)
            :: else
            fi;
            ADD(core.signalled, x);
            ADD(core.counted, x)
        :: else
        fi
    }
}

inline hear_answer(rev)         /* step._desired, emergency.desired: the whole answer, and never an older one */
{
    if
#ifdef OLD_ANSWER_TAKEN
    :: true ->
#elif defined(SAME_ANSWER_NOT_TAKEN)
    :: rev > core.answer ->
#else
    :: rev >= core.answer ->
#endif
        follow(rev);
        for (k : 0 .. K - 1) {
            if
            :: core.phase[k] == NONE
            :: core.phase[k] != NONE ->
                if
                :: IN(k, said_taken[rev]) && OPEN(k) -> core.phase[k] = ACKNOWLEDGED
                :: else
                fi;
                if
#ifdef GIVEN_BACK_WITH_EVERY_PRESS_ONLY
                :: core.phase[k] == ACKNOWLEDGED && !SAID(k, rev) && EVERY_PRESS(k, rev) -> core.phase[k] = RECEIVED
#else
                :: core.phase[k] == ACKNOWLEDGED && !SAID(k, rev) -> core.phase[k] = RECEIVED
#endif
#ifndef OPENED_AGAIN_NOT_SHOWN
                :: core.phase[k] == CLEARED && !IN(k, said_closed[rev]) ->
                    core.phase[k] = (IN(k, said_taken[rev]) -> ACKNOWLEDGED : RECEIVED)
#endif
                :: else
                fi;
                if
#ifdef CLEARED_WITHOUT_THE_PRESS
                :: IN(k, said_closed[rev]) -> core.phase[k] = CLEARED
#else
                :: IN(k, said_closed[rev]) && EVERY_PRESS(k, rev) -> core.phase[k] = CLEARED
#endif
                :: else
                fi
            fi
        }
        core.answer = rev;
        newest = (rev > newest -> rev : newest);
        look_at_what_is_shown()
    :: else
    fi
}

/* Headquarters */

inline say()                    /* Store.advance_revision, Desk._desired */
{
    revision++;
    said_begun[revision] = begun;
    said_taken[revision] = taken_by;
    said_closed[revision] = closed;
    said_presses[revision] = whole | capsules
}

inline reopen(m)                /* incidents._pressed: a press that comes after the clearance opens it again */
{
    PROMISE(opened_again_by_a_press, (!IN(m, knew[OF(m)])));
    DROP(taken_by, OF(m));
    DROP(closed, OF(m));
    DROP(closed_by_person, OF(m));
    knew[OF(m)] = 0
}

inline close(incident, by_person)
{
    ADD(closed, incident);
    knew[incident] = whole | capsules;
    if
    :: by_person -> ADD(closed_by_person, incident)
    :: else -> DROP(closed_by_person, incident)
    fi;
    PROMISE(only_a_person_closes_real, (by_person || !STORED(REAL(incident))));
    say()
}

#ifdef CAPSULE_IS_NEWS
#define NEWS(m, kept) (!IN(m, kept))
#else
#define NEWS(m, kept) (!STORED(m))
#endif

/* presses.home: what was told before is no news, also where the car says now that it is in another incident. */
#ifdef TOLD_AGAIN_IS_NEWS
#define ELSEWHERE(m) false
#else
#define ELSEWHERE(m) (HAS_TWIN(m) && STORED(TWIN(m)))
#endif

inline keep(m, kept, by_sms)    /* taking.take: all that follows from a message, in one transaction with it */
{
    if
    :: ELSEWHERE(m) -> ADD(kept, TWIN(m))
    :: !IS_PRESS(m) && !KNOWN(OF(m)) && ELSEWHERE(REAL(OF(m))) -> ADD(kept, m)
    :: else -> keep_news(m, kept, by_sms)
    fi
}

inline keep_news(m, kept, by_sms)
{
    fresh = NEWS(m, kept);
    begins = !KNOWN(OF(m));
#ifdef CAPSULE_MAKES_ITS_OWN
    if
    :: by_sms -> ADD(begun_anew, OF(m))
    :: !by_sms -> ADD(begun, OF(m))
    fi;
#else
    ADD(begun, OF(m));
#endif
    ADD(kept, m);
    PROMISE(one_press_one_incident, ((begun & begun_anew) == 0 && (!HAS_TWIN(m) || !STORED(TWIN(m)))));
    if
    :: fresh && m == REAL(OF(m)) -> DROP(practised, OF(m))
#ifdef LAST_WORD_IS_THE_KIND
    :: fresh && m == TRIED(OF(m)) -> ADD(practised, OF(m))
#else
    :: fresh && m == TRIED(OF(m)) && !STORED(REAL(OF(m))) -> ADD(practised, OF(m))
#endif
#ifdef CANCELLING_CLOSES
    :: fresh && !IS_PRESS(m) && !IN(OF(m), closed) -> close(OF(m), false)
#endif
    :: else
    fi;
    PROMISE(real_is_never_practice, (!STORED(REAL(OF(m))) || !IN(OF(m), practised)));
    if
#ifndef LATE_PRESS_STAYS_CLOSED
    :: fresh && IS_PRESS(m) && IN(OF(m), closed) -> reopen(m)
#endif
    :: else
    fi;
    if
#ifndef BEGUN_NOT_SAID
    :: fresh && IS_PRESS(m) || begins -> say()
#endif
    :: else
    fi;
    look_at_picture()
}

inline receive(m, commits)      /* Receiver._take: commit, then receipt */
{
    if
    :: commits -> keep(m, whole, false)
    :: else
    fi;
    ADD(down, m)
}

inline receive_sms(m)           /* hq/gateways */
{
    keep(m, capsules, true);
    ADD(down_sms, m)
}

/* Picks any member of a set that is not empty. */
inline pick(set, member)
{
    rest = set;
    member = 0;
    do
    :: rest & 1 -> rest = 0; break
    :: rest >> 1 -> rest = rest >> 1; member++
    od
}

#define BITS ((1 << K) - 1)
#define STEP(enabled) atomic { !calm && (enabled) ->

proctype Crew()
{
    byte which;
end:
    do
#if PRESSES > 0
    :: STEP(presses_made < PRESSES)
            d_step { press(presses_made); presses_made++ }
        }
#endif
#if ARMS > 0
#ifdef OLD_PRESS_IN_THE_WINDOW
    :: STEP(arms < ARMS && !window)
#else
    :: STEP(arms < ARMS && !window && (latched & ~core.taken) == 0)
#endif
            d_step { window = true; armed = true; arms++ }
        }
    :: STEP(window)
            d_step { window = false; armed = false }        /* it is short */
        }
#endif
#if SCREENS > 0
#ifdef PRACTICE
    :: STEP(screens_made < SCREENS)
            d_step {
                raise(PRESSES + screens_made, true, false);
                ADD(meant_practice, PRESSES + screens_made);
                screens_made++;
                look_at_outputs()
            }
        }
#endif
#ifdef LOUD
    :: STEP(screens_made < SCREENS)
            d_step { call(PRESSES + screens_made, false); screens_made++; look_at_outputs() }
        }
#endif
#ifdef SILENT
    :: STEP(screens_made < SCREENS)
            d_step {
                raise(PRESSES + screens_made, false, true);
                ADD(meant_silent, PRESSES + screens_made);
                screens_made++;
                look_at_outputs()
            }
        }
#endif
#endif
#if CANCELS > 0
    :: STEP(cancels < CANCELS)
            for (which : 0 .. K - 1) {
                if
                :: OPEN(which) && !IN(which, core.cancelled) && cancels < CANCELS ->
                    d_step { cancel(which); cancels++ }
                :: true
                fi
            }
            which = 0
        }
#endif
    od
}

proctype Core()
{
    short rest;
    byte which;
end:
    do
#if PRESSES > 0
    :: STEP((latched & ~core.taken) != 0)
            d_step { take_press(); look_at_outputs() }
        }
    :: STEP((latched & core.taken) != 0)
            d_step { confirm(); skip }
        }
#endif
#ifdef NEVER_STORED_AGAIN
    :: STEP(core.unstored != 0 && DISK && failures == 0)
#else
    :: STEP(core.unstored != 0 && DISK)
#endif
            d_step { commit(); skip }
        }
    :: STEP(DISK)
            d_step { save(); skip }
        }
#ifdef FORGETS
    :: STEP(true)
            pick(BITS, which);
            if
            :: core.phase[which] == CLEARED -> d_step { core.phase[which] = NONE; which = 0 }
            :: else -> which = 0
            fi
        }
#endif
    :: STEP(OWED != 0)
            d_step { transmit(); look_at_outputs() }
        }
#if CAP > 0
    :: STEP(OWED != 0)
            for (which : 0 .. M - 1) {
                if
                :: MAY_SMS(which) -> d_step { transmit_sms(which); skip }
                :: true
                fi
            }
            which = 0
        }
    :: STEP(down_sms != 0)
            pick(down_sms, which);
            d_step { hear_sms(which); look_at_outputs(); which = 0 }
        }
#endif
    :: STEP(down != 0)
            pick(down, which);
            d_step { hear_receipt(which); look_at_outputs(); which = 0 }
        }
    :: STEP(true)
            pick(EVERY, which);
            d_step { hear_forged(which); which = 0 }
        }
#if ACTS > 0
    :: STEP(revision > 0)
            pick(ONE(revision + 1) - 2, which);
            d_step { hear_answer(which); look_at_outputs(); which = 0 }
        }
#endif
#if CRASHES > 0
    :: STEP(crashes < CRASHES)
            d_step { crash(); look_at_outputs() }
        }
#endif
    od
}

proctype Headquarters()
{
    short rest;
    byte which;
    bit commits = true;
end:
    do
    :: STEP(up != 0)
            pick(up, which);
#ifdef RECEIPT_BEFORE_COMMIT
            if
            :: commits = true
            :: commits = false
            fi;
#endif
            d_step { receive(which, commits); which = 0; commits = true }
        }
#if CAP > 0
    :: STEP(up_sms != 0)
            pick(up_sms, which);
            d_step { receive_sms(which); which = 0 }
        }
#endif
#if ACTS > 0
    :: STEP(acts < ACTS && begun != 0)
            pick(begun, which);
            if
            :: !IN(which, closed) && !IN(which, taken_by) ->
                d_step { ADD(taken_by, which); acts++; say(); which = 0 }
            :: !IN(which, closed) ->
                d_step { close(which, true); acts++; which = 0 }
#ifndef EXERCISE
            :: !IN(which, closed) && IN(which, practised) ->
                d_step { close(which, false); acts++; which = 0 }
#endif
            :: IN(which, closed) -> which = 0
            fi
        }
#endif
    od
}

/* What befalls the disk of the car. */
proctype Accidents()
{
end:
    do
#if FAILURES > 0
    :: STEP(failures < FAILURES && !failing)
            d_step { failing = true; failures++ }
        }
    :: STEP(failing)
            failing = false
        }
#endif
#ifdef DEAD
    :: STEP(!dead)
            dead = true
        }
#endif
    :: calm -> break
    od
}

/*
 * Liveness. At any moment faults may stop, and what is on the lines then arrives or does not. Without FAIR, everybody
 * then does for some rounds what the rules tell it to, and all must be well. With FAIR, everybody does so for ever, in
 * any order in which nobody is left out for ever, and all must become well and stay so.
 */
#define ROUNDS 3

inline car_does_its_part()
{
    window = false;
#if PRESSES > 0
    do
    :: (latched & ~core.taken) != 0 -> take_press()
    :: else -> break
    od;
#endif
    if
#ifdef NEVER_STORED_AGAIN
    :: DISK && failures == 0 -> commit()
#else
    :: DISK -> commit()
#endif
    :: else
    fi;
    transmit()
}

inline all_arrives_at_headquarters()
{
    for (i : 0 .. M - 1) {
        if
        :: IN(i, up) -> receive(i, true)
        :: else
        fi;
        if
        :: IN(i, up_sms) -> receive_sms(i)
        :: else
        fi
    }
    up = 0;
    up_sms = 0
}

inline all_arrives_at_the_car()
{
    for (i : 0 .. M - 1) {
        if
        :: IN(i, down) -> hear_receipt(i)
        :: else
        fi;
        if
        :: IN(i, down_sms) -> hear_sms(i)
        :: else
        fi
    }
    down = 0;
    down_sms = 0;
    hear_answer(revision);
    look_at_outputs()
}

inline all_is_well()
{
    well = true;
    for (i : 0 .. K - 1) {
        if
        :: core.phase[i] != NONE ->
            FINALLY(alarm_received, (core.phase[i] != RAISED && KNOWN(i)));
            FINALLY(shown_in_the_end, (KNOWN(i) && (core.phase[i] == CLEARED) == IN(i, closed)
                && (core.phase[i] == ACKNOWLEDGED) == (IN(i, taken_by) && !IN(i, closed))))
        :: else -> FINALLY(shown_in_the_end, (!KNOWN(i) || IN(i, closed)))
        fi;
        FINALLY(cancelled_as_said, (!OPEN(i) || !IN(i, core.cancelled) || MISTAKEN(i)))
    }
    for (i : 0 .. M - 1) {
        FINALLY(told_in_full, (!IN(i, OWED | rows) || IN(i, whole) || IN(TWIN(i), whole)))
    }
    FINALLY(stored_in_the_end, (dead || core.unstored == 0 && latched == 0));
#if PRESSES > 0
    for (i : 0 .. PRESSES - 1) {
        if
        :: i < presses_made && !IN(i, meant_practice) ->
            FINALLY(no_press_absorbed, (STORED(HOME(i)) && !IN(OF(HOME(i)), practised | meant_silent)
                && (!IN(OF(HOME(i)), closed) || IN(HOME(i), knew[OF(HOME(i))]))));
            FINALLY(cancelled_as_said, (!MISTAKEN(OF(HOME(i))) || IN(i, mistakes)))
        :: else
        fi
    }
#endif
}

proctype Quiet()
{
    atomic {
        !calm ->
        if                      /* a broker that lost all it had, and a modem */
        :: true
        :: up = 0; up_sms = 0; down = 0; down_sms = 0
        fi;
        d_step {
            calm = true;
            failing = false;
#ifndef FAIR
            for (round : 1 .. ROUNDS) {
                car_does_its_part();
                all_arrives_at_headquarters();
                all_arrives_at_the_car()
            }
            all_is_well()
#endif
        }
    }
}

#ifdef FAIR
proctype CarInCalm()
{
end:
    do
    :: d_step { calm -> car_does_its_part(); all_is_well(); skip }
    od
}

proctype LineUpInCalm()
{
end:
    do
    :: d_step { calm -> all_arrives_at_headquarters(); all_is_well(); skip }
    od
}

proctype LineDownInCalm()
{
end:
    do
    :: d_step { calm -> all_arrives_at_the_car(); all_is_well(); skip }
    od
}

ltl good_end { <> [] (well == 1) }
#endif

init
{
    atomic {
        run Crew();
        run Core();
        run Headquarters();
        run Accidents();
#ifdef FAIR
        run CarInCalm();
        run LineUpInCalm();
        run LineDownInCalm();
#endif
        run Quiet()
    }
}
