/*
 * The outbox of a car, the line to headquarters and back, headquarters' store, and all that can go wrong with them.
 *
 * docs/model.md says which function of the code each rule stands for. The sizes below and the faults that may happen
 * are given on spin's command line; so are the mutants, each of which breaks one rule: see test_outbox_model.py.
 *
 * A set of messages is a bit mask. A line is the set of all that was ever handed to it: what is taken from it may be
 * taken late, again, in any order, or never. So loss, duplication and reordering need no steps of their own, nor does
 * a crash of headquarters between its commit and its receipt, which is a receipt that nobody ever takes.
 */

#ifndef ALARMS
#define ALARMS 0                /* messages that the one press may lead to: 2 leaves one for a crash before the commit */
#endif
#ifndef EVENTS
#define EVENTS 0                /* per running card: kept after their receipt */
#endif
#ifndef TRACKS
#define TRACKS 0                /* per running card: deleted at their receipt, given up when the outbox is full */
#endif
#ifndef ACCOUNTS
#define ACCOUNTS 0              /* per running card: events that say which track was given up */
#endif
#ifndef CAPACITY
#define CAPACITY 9              /* tracks that an outbox holds */
#endif
#ifndef CRASHES
#define CRASHES 0
#endif
#ifndef RESTORES
#define RESTORES 0              /* headquarters' store is put back from a backup */
#endif
#ifdef CLONE
#define RUNNING 2               /* cards that may run; the second is a copy of the first, taken at any moment */
#else
#define RUNNING 1
#endif
#if defined(CLONE) || defined(ROLLBACK)
#define CARDS 2                 /* with ROLLBACK the second is a backup that never runs */
#define OUTBOXES 3              /* the first identity, and one more for each card that must renew its own */
#else
#define CARDS 1
#define OUTBOXES 1
#endif

#define LANES 3                 /* 0 alarm, 1 event, 2 track */
#define EPOCHS (RESTORES + 1)
#define PER (EVENTS + TRACKS + ACCOUNTS)
#define M (ALARMS + RUNNING * PER)
#define FIRST(c) (ALARMS + (c) * PER)
#define FIRST_ACCOUNT(c) (FIRST(c) + EVENTS + TRACKS)
#define KIND(m) (((m) - ALARMS) % PER)
#define IS_ALARM(m) ((m) < ALARMS)
#define IS_TRACK(m) (!IS_ALARM(m) && KIND(m) >= EVENTS && KIND(m) < EVENTS + TRACKS)
#define IS_ACCOUNT(m) (!IS_ALARM(m) && KIND(m) >= EVENTS + TRACKS)
#define LANE(m) (IS_ALARM(m) -> 0 : (IS_TRACK(m) -> 2 : 1))
#define PLACES (M + 2)          /* more than any account gives */
#define PLACE_INDEX(o, lane, seq) (((o) * LANES + (lane)) * PLACES + (seq))
#define CELL(o, m) ((o) * M + (m))
#define RECEIPT(e, o, m) ((((e) - 1) * OUTBOXES + (o)) * M + (m))

#define ONE(n) (1 << (n))
#define IN(n, set) (((set) >> (n)) & 1)
#define ADD(set, n) set = set | ONE(n)
#define DROP(set, n) set = set & ~ONE(n)

/* A promise that is broken is named in the error: "assertion violated name". */
#define PROMISE(name, holds) name = (holds); assert(name)

/* A promise of what is so in the end; FAIR asks whether every fair run comes to such an end, and stays there. */
#ifdef FAIR
#define FINALLY(name, holds) well = well && (holds)
#else
#define FINALLY(name, holds) PROMISE(name, holds)
#endif
bit well;

hidden byte receipted_is_stored, receipted_place_is_noted, shown_is_stored, receipt_settles_its_own,
    noted_place_was_given, no_id_twice, one_press_one_incident, clash_needs_two_cards, renewed_once,
    alarm_received, stored_or_accounted_for, places_complete, outbox_emptied;

/* What a car's card holds, and a crash leaves: terminal/uplink/outbox.py. */
typedef Card {
    byte outbox;                /* the identity that places are given in */
    byte given[LANES];          /* the last place given; a place is never given again */
    byte place[M];              /* 0: no such row */
    short receipted;
    byte epoch;                 /* headquarters' store as this card knows it; 0: never heard of */
    byte epochs;                /* all that it ever heard of */
    byte tracks;                /* how many rows are tracks */
    bit pressed                 /* the emergency's state, committed with the alarm */
};
Card card[CARDS];

/* What core holds in memory, and a crash takes: sender.py, storing.py, emergency.py. */
typedef Core {
    bit on;
    short owed;                 /* rows that the sender sends, again and again */
    short bare;                 /* alarms that the sender sends without a place */
    short unstored;             /* alarms that are not known to be on disk */
    short again;                /* points whose commit failed, as it seemed, and is made again */
    byte epoch;                 /* of the last heartbeat, before it the card's; 0: neither */
#ifdef PLACE_WITHOUT_ITS_OUTBOX
    byte sends_as;
#endif
    bit pressed
};
Core core[RUNNING];

bit latched = (ALARMS > 0);     /* the board holds the press until it is told that it is on disk */
bit dead;                       /* the first car's disk takes nothing any more */
byte crashes;
bit copied;                     /* the second card exists */
bit rolled_back;

/* Ids are unique whatever happens to cards, so what was made is counted outside of them. */
byte alarms_made, events_made[RUNNING], tracks_made[RUNNING], accounts_made[RUNNING];
byte outboxes_made = 1;
/* What an account says: this place of this outbox was given up. */
byte gone[M], gone_outbox[M], gone_place[M];

/* The lines. */
int up;                         /* CELLs: message m with its place in outbox o */
byte up_place[OUTBOXES * M];
short up_bare;
int down;                       /* RECEIPTs of epoch e for message m at its place in outbox o */
byte down_place[EPOCHS * OUTBOXES * M];
int down_id;                    /* receipts of epoch e for alarm m by its id */
byte down_clash;                /* outboxes */

/* Headquarters' disk: hq/store.py. */
short stored;
short noted[OUTBOXES * LANES * PLACES];         /* messages at this place */
byte clashed;                   /* outboxes that two cards share: nothing more is receipted in them */
short told;                     /* accounts whose places count as given up */
byte told_outbox[M];
byte incidents;
byte epoch = 1;
byte epochs_born = 1;
byte restores;
bit window;                     /* the backup is in place, and nobody has said so yet */

/* Nothing of the following exists: it is what the promises speak of. */
short committed;                /* has been on a card that counts */
short let_go;                   /* had its receipt, and went to make room */
short given[OUTBOXES * LANES * PLACES];         /* messages that were ever given this place */
bit shown;                      /* the crew was shown that headquarters has the alarm */
bit calm;                       /* faults have stopped, and all has been looked at */

/* Written before they are read within one indivisible step. */
hidden byte x, y, z, n, r, p, i, k, round;

/* The car's outbox */

inline place_row(c, m)          /* Outbox._placed: an id that is there keeps its place */
{
    if
#ifdef COMMIT_AGAIN_ANOTHER_PLACE
    :: true ->
#else
    :: card[c].place[m] == 0 ->
#endif
        if
        :: IS_TRACK(m) && card[c].place[m] == 0 -> card[c].tracks++
        :: else
        fi;
        card[c].given[LANE(m)]++;
#ifdef PLACES_GIVEN_AGAIN
        p = 0;
        for (y : 0 .. M - 1) {
            if
            :: LANE(y) == LANE(m) && card[c].place[y] > p -> p = card[c].place[y]
            :: else
            fi
        }
        card[c].given[LANE(m)] = p + 1;
#endif
        card[c].place[m] = card[c].given[LANE(m)];
        DROP(card[c].receipted, m);
        p = PLACE_INDEX(card[c].outbox, LANE(m), card[c].place[m]);
        ADD(given[p], m)
    :: else
    fi;
    ADD(committed, m)
}

inline take_out(c, m)
{
    card[c].place[m] = 0;
    DROP(card[c].receipted, m);
    if
    :: IS_TRACK(m) -> card[c].tracks--
    :: else
    fi
}

/* Whether another track may be committed: the model has only so many accounts to tell of what goes for it. */
#define ROOM(c) (card[c].tracks < CAPACITY || accounts_made[c] < ACCOUNTS)

inline thin(c)                  /* thinning.thin, Outbox._thin: in the same transaction as what made it too much */
{
#if ACCOUNTS == 0
    skip
#else
    if
    :: card[c].tracks > CAPACITY ->
        r = M;
        for (x : 0 .. M - 1) {
            if
            :: LANE(x) == 1 && IN(x, card[c].receipted) -> take_out(c, x); ADD(let_go, x)
            :: IS_TRACK(x) && card[c].place[x] > 0 && (r == M || card[c].place[x] < card[c].place[r]) -> r = x
            :: else
            fi
        }
        x = FIRST_ACCOUNT(c) + accounts_made[c];
        accounts_made[c]++;
        gone[x] = r;
        gone_outbox[x] = card[c].outbox;
        gone_place[x] = card[c].place[r];
        take_out(c, r);
        DROP(core[c].owed, r);
#ifndef THINNING_NOT_TOLD
        place_row(c, x)
#endif
    :: else
    fi
#endif
}

inline look(c)                  /* Sender: what waits on the disk is looked for anew, so that nothing is forgotten */
{
    for (x : 0 .. M - 1) {
        if
        :: card[c].place[x] > 0 && !IN(x, card[c].receipted) -> ADD(core[c].owed, x)
        :: else
        fi
    }
}

inline open_account(c)          /* Inbox.open_account, Sender.opened */
{
    core[c].owed = 0;
#ifdef PLACE_WITHOUT_ITS_OUTBOX
    core[c].sends_as = card[c].outbox;
#endif
    look(c)
}

inline start(c)                 /* Core._restore: memory is what the disk says */
{
    core[c].on = true;
    core[c].bare = 0;
    core[c].unstored = 0;
    core[c].again = 0;
    core[c].epoch = (dead -> 0 : card[c].epoch);
    core[c].pressed = card[c].pressed;
    open_account(c)
}

inline copy_card(from, to)
{
    card[to].outbox = card[from].outbox;
    card[to].receipted = card[from].receipted;
    card[to].epoch = card[from].epoch;
    card[to].epochs = card[from].epochs;
    card[to].tracks = card[from].tracks;
    card[to].pressed = card[from].pressed;
    for (x : 0 .. LANES - 1) {
        card[to].given[x] = card[from].given[x]
    }
    for (x : 0 .. M - 1) {
        card[to].place[x] = card[from].place[x]
    }
}

inline roll_back()              /* the first car gets its card's backup; what it has not sent since is lost with the card */
{
    copy_card(1, 0);
    start(0);
    for (x : 0 .. M - 1) {
        if
        :: card[0].place[x] == 0 -> DROP(committed, x)
        :: else
        fi
    }
}

/* An alarm in the car */

inline press(c)                 /* emergency.pressed: made and sent before anything can fail */
{
    n = alarms_made;
    alarms_made++;
    core[c].pressed = true;
    ADD(core[c].unstored, n);
#ifndef ALARM_WAITS_FOR_COMMIT
    ADD(core[c].bare, n);
#endif
#ifdef TOLD_STORED_BEFORE_COMMIT
    latched = false
#endif
}

inline lowest(set)              /* of a set that is not empty */
{
    n = 0;
    do
    :: !IN(n, set) -> n++
    :: else -> break
    od
}

inline commit_alarm(c, raised)  /* Storing.alarms; an error may be reported although all is there */
{
    lowest(core[c].unstored);
    place_row(c, n);
    card[c].pressed = true;
    if
    :: !raised ->
        DROP(core[c].unstored, n);
        DROP(core[c].bare, n);
        ADD(core[c].owed, n);
        latched = false
    :: else
    fi
}

inline commit_row(c, m, raised)        /* Storing.event, Storing.point */
{
    n = m;
    place_row(c, n);
    thin(c);
    if
    :: raised && IS_TRACK(n) -> ADD(core[c].again, n)
    :: raised && !IS_TRACK(n)
    :: !raised -> DROP(core[c].again, n); ADD(core[c].owed, n)
    fi
}

inline transmit(c)              /* Sender: all that it owes; what the broker acknowledges may be lost all the same */
{
    for (x : 0 .. M - 1) {
        if
        :: IN(x, core[c].owed) && card[c].place[x] > 0 ->
#ifdef PLACE_WITHOUT_ITS_OUTBOX
            z = CELL(core[c].sends_as, x);
#else
            z = CELL(card[c].outbox, x);
#endif
            ADD(up, z);
            up_place[z] = card[c].place[x];
#ifdef PUBACK_EMPTIES
            settle(c, x)
#endif
        :: else
        fi;
        if
        :: IN(x, core[c].bare) -> ADD(up_bare, x)
        :: else
        fi
    }
}

/* What headquarters says to the car */

/* A receipt is true of the store that the card knows; the card need not have heard yet that it was put back. */
#define TRUE_TO(c, fact) ((fact) || card[c].epoch != epoch || window)

inline settle(c, m)             /* Outbox._receipt */
{
    PROMISE(receipted_is_stored, TRUE_TO(c, IN(m, stored)));
    p = PLACE_INDEX(card[c].outbox, LANE(m), card[c].place[m]);
    PROMISE(receipted_place_is_noted, TRUE_TO(c, IN(m, noted[p])));
    DROP(core[c].owed, m);
    if
    :: IS_TRACK(m) -> take_out(c, m)
    :: else -> ADD(card[c].receipted, m)
    fi
}

inline unreceipt(c)             /* Outbox._unreceipt; what the card need not hold any more may go with the old store */
{
    for (x : 0 .. M - 1) {
        if
        :: card[c].place[x] == 0 && (IS_TRACK(x) || IN(x, let_go)) -> DROP(committed, x)
        :: else
        fi
    }
    for (x : 0 .. M - 1) {
        if
        :: IS_ACCOUNT(x) && card[c].place[x] > 0 -> ADD(committed, gone[x])
        :: else
        fi
    }
#ifndef NEW_EPOCH_SENDS_NOTHING
    card[c].receipted = 0;
#endif
    open_account(c)
}

inline forget_receipts(c, e)    /* Outbox.forget_receipts: an epoch that is over stays over */
{
    if
    :: !IN(e, card[c].epochs) ->
        ADD(card[c].epochs, e);
        if
        :: card[c].epoch > 0 -> card[c].epoch = e; unreceipt(c)
        :: else -> card[c].epoch = e
        fi
    :: else
    fi
}

inline hear_epoch(c, e)      /* Inbox._seen_epoch; receipts._heartbeat: to a new store goes also what is not on disk */
{
    if
    :: core[c].epoch != e ->
        core[c].epoch = e;
#ifndef NEW_EPOCH_FORGETS_MEMORY
        core[c].bare = core[c].bare | core[c].unstored
#endif
    :: else
    fi;
    if
    :: !dead -> forget_receipts(c, e)
    :: else
    fi
}

inline receipt_epoch(c, e)      /* Inbox._settle: a receipt may bring the first epoch; it may be too old to bring another */
{
    if
#ifdef RECEIPT_BRINGS_EPOCH
    :: true -> hear_epoch(c, e)
#else
    :: core[c].epoch == 0 -> hear_epoch(c, e)
#endif
    :: else
    fi
}

inline hear_receipt(c, k)       /* Inbox._settle, Outbox.settle: by place, and only if the digest is of our own id */
{
    n = (k) % M;
    z = ((k) / M) % OUTBOXES;
    y = (k) / (M * OUTBOXES) + 1;
    receipt_epoch(c, y);
    r = M;
#ifdef NO_DIGEST
    for (x : 0 .. M - 1) {
        if
        :: LANE(x) == LANE(n) && card[c].place[x] == down_place[k] -> r = x
        :: else
        fi
    }
#else
    if
    :: card[c].place[n] == down_place[k] -> r = n
    :: else
    fi;
#endif
    if
#ifdef OLD_EPOCH_RECEIPTS
    :: r < M && card[c].outbox == z ->
#else
    :: r < M && card[c].outbox == z && card[c].epoch == y ->
#endif
        PROMISE(receipt_settles_its_own, (r == n));
        shown = shown || IS_ALARM(r);
        settle(c, r)
    :: else
    fi
}

inline hear_id(c, k)            /* Inbox.came_down: at once, whatever the disk does; it ends only the sending without place */
{
#if ALARMS > 0
    n = (k) % ALARMS;
    y = (k) / ALARMS + 1;
    if
#ifdef OLD_EPOCH_IDS
    :: true ->
#else
    :: core[c].epoch == 0 || core[c].epoch == y ->
#endif
        PROMISE(shown_is_stored, (IN(n, stored) || window || y != epoch && (dead || card[c].epoch != epoch)));
        shown = true;
        DROP(core[c].bare, n);
#ifdef ID_EMPTIES
        if
        :: card[c].place[n] > 0 && !dead -> ADD(card[c].receipted, n); DROP(core[c].owed, n)
        :: else
        fi
#endif
    :: else
    fi;
    receipt_epoch(c, y)
#else
    skip
#endif
}

inline hear_clash(c, o)         /* Inbox._renew, Outbox.renew_identity: all that is held, in order, from one, and sent */
{
#ifdef CLASH_IGNORED
    skip
#else
    if
#ifdef STALE_CLASH_TAKEN
    :: true ->
#else
    :: card[c].outbox == (o) ->
#endif
        PROMISE(renewed_once, (outboxes_made < OUTBOXES));
        card[c].outbox = outboxes_made;
        outboxes_made++;
        for (x : 0 .. M - 1) {
            if
#ifdef RENEWAL_DROPS_RECEIPTED
            :: IN(x, card[c].receipted) -> take_out(c, x)
#endif
#ifdef RENEWAL_DROPS_ACCOUNTS
            :: IS_ACCOUNT(x) && card[c].place[x] > 0 && !IN(x, card[c].receipted) -> take_out(c, x)
#endif
            :: else
            fi
        }
        card[c].receipted = 0;
        for (z : 0 .. LANES - 1) {
            n = 0;
            for (y : 1 .. PLACES - 1) {
                for (x : 0 .. M - 1) {
                    if
                    :: LANE(x) == z && card[c].place[x] == y && (y > n) ->
#ifdef RENEWAL_KEEPS_PLACES
                        n = y;
#else
                        n++;
#endif
                        card[c].place[x] = n;
                        p = PLACE_INDEX(card[c].outbox, z, n);
                        ADD(given[p], x)
                    :: else
                    fi
                }
            }
            card[c].given[z] = n
        }
#ifdef PLACE_WITHOUT_ITS_OUTBOX
        look(c)
#else
        open_account(c)
#endif
    :: else
    fi
#endif
}

/* Headquarters */

inline store_message(m, new)    /* Store._stored: on the id, so that a repeat is harmless */
{
    if
    :: new ->
        PROMISE(no_id_twice, (!IN(m, stored)));
        ADD(stored, m);
        if
#ifdef INCIDENT_OF_MESSAGE
        :: IS_ALARM(m) -> ADD(incidents, m)
#else
        :: IS_ALARM(m) -> ADD(incidents, 0)
#endif
        :: else
        fi;
        PROMISE(one_press_one_incident, (incidents <= 1))
    :: else
    fi
}

inline receive_bare(m)          /* Receiver._take of an alarm that was sent before its commit */
{
    store_message(m, !IN(m, stored));
    ADD(down_id, (epoch - 1) * ALARMS + m)
}

inline receive(k, commits, notes)       /* Receiver._take: commit, then receipt, or tell of two cards */
{
    n = (k) % M;
    z = (k) / M;
    p = PLACE_INDEX(z, LANE(n), up_place[k]);
    PROMISE(noted_place_was_given, (IN(n, given[p])));
    r = noted[p] | ONE(n);
    if
#ifdef REPEAT_IS_NOT_LOOKED_AT
    :: commits && !IN(n, stored) ->
#else
    :: commits ->
#endif
#ifdef STORED_ON_PLACE
        store_message(n, noted[p] == 0);
#else
        store_message(n, !IN(n, stored));
#endif
        ADD(noted[p], n);
        if
        :: notes && IS_ACCOUNT(n) ->
            ADD(told, n);
#ifdef ACCOUNT_SPEAKS_OF_ITS_OWN_OUTBOX
            told_outbox[n] = z
#else
            told_outbox[n] = gone_outbox[n]
#endif
        :: else
        fi
    :: else
    fi;
    if
    :: (r & (r - 1)) != 0 ->
#if CARDS == 1
        PROMISE(clash_needs_two_cards, false);
#endif
        ADD(clashed, z)
    :: else
    fi;
    if
    :: IN(z, clashed) -> ADD(down_clash, z)
    :: else ->
        x = RECEIPT(epoch, z, n);
        ADD(down, x);
        down_place[x] = up_place[k]
    fi;
    if
    :: IS_ALARM(n) -> ADD(down_id, (epoch - 1) * ALARMS + n)
    :: else
    fi
}

inline lose(kept)               /* a backup: any part of what was stored may be missing from it */
{
    stored = stored & kept;
    told = told & kept;
    clashed = 0;
    for (x : 0 .. OUTBOXES * LANES * PLACES - 1) {
        noted[x] = noted[x] & kept
    }
    window = true;
    restores++
}

inline announce()               /* patrola hq new-epoch: what whoever put the backup in place has to do */
{
    window = false;
#ifndef BACKUP_NOT_ANNOUNCED
    epochs_born++;
    epoch = epochs_born
#endif
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

#define STEP(enabled) atomic { !calm && (enabled) ->

/* One car's core with its card. */
proctype Car(byte c)
{
    int rest;
    byte which;
    bit raised;
end:
    do
#if ALARMS > 0
    :: STEP(c == 0 && core[c].on && latched && !core[c].pressed && alarms_made < ALARMS)
            d_step { press(c); skip }
        }
    :: STEP(core[c].on && core[c].unstored != 0 && !dead)
            if
            :: raised = false
            :: raised = true
            fi;
            d_step { commit_alarm(c, raised); raised = false }
        }
    :: STEP(c == 0 && core[c].on && latched && core[c].pressed && core[c].unstored == 0)
            latched = false     /* emergency._confirm_again */
        }
#endif
#if EVENTS > 0
    :: STEP(core[c].on && !dead && events_made[c] < EVENTS)
            if
            :: raised = false
            :: raised = true
            fi;
            d_step { commit_row(c, FIRST(c) + events_made[c], raised); events_made[c]++; raised = false }
        }
#endif
#if TRACKS > 0
    :: STEP(core[c].on && !dead && tracks_made[c] < TRACKS && ROOM(c))
            if
            :: raised = false
            :: raised = true
            fi;
            d_step { commit_row(c, FIRST(c) + EVENTS + tracks_made[c], raised); tracks_made[c]++; raised = false }
        }
    :: STEP(core[c].on && !dead && core[c].again != 0 && ROOM(c))
            d_step { lowest(core[c].again); commit_row(c, n, false); skip }
        }
#endif
    :: STEP(core[c].on && (core[c].owed != 0 || core[c].bare != 0))
            d_step { transmit(c); skip }
        }
#ifndef NEVER_LOOKS_AGAIN
    :: STEP(core[c].on && !dead)
            d_step { look(c); skip }
        }
#endif
#ifdef PLACE_WITHOUT_ITS_OUTBOX
    :: STEP(core[c].on && core[c].sends_as != card[c].outbox)
            d_step { open_account(c); skip }
        }
#endif
    :: STEP(core[c].on)
            d_step { hear_epoch(c, epoch); skip }       /* heartbeats expire, and keep their order */
        }
    :: STEP(core[c].on && !dead && down != 0)
            pick(down, which);
            d_step { hear_receipt(c, which); which = 0 }
        }
#if ALARMS > 0
    :: STEP(core[c].on && down_id != 0)
            pick(down_id, which);
            d_step { hear_id(c, which); which = 0 }
        }
#endif
#if CARDS > 1
    :: STEP(core[c].on && !dead && down_clash != 0)
            pick(down_clash, which);
            d_step { hear_clash(c, which); which = 0 }
        }
#endif
#if CRASHES > 0
    /* A press that is not on disk is made again from the board, as another message. */
    :: STEP(core[c].on && crashes < CRASHES && (ALARMS == 0 || card[c].pressed || !latched || alarms_made < ALARMS))
            d_step { crashes++; start(c); skip }
        }
#endif
    od
}

proctype Headquarters()
{
    int rest;
    byte which;
    short kept;
    bit commits = true;
    bit notes = true;
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
#ifdef ACCOUNT_NOTED_AFTER_RECEIPT
            if
            :: notes = true
            :: notes = false
            fi;
#endif
            d_step { receive(which, commits, notes); which = 0; commits = true; notes = true }
        }
#if ALARMS > 0
    :: STEP(up_bare != 0)
            pick(up_bare, which);
            d_step { receive_bare(which); which = 0 }
        }
#endif
#if RESTORES > 0
    :: STEP(restores < RESTORES && !window && stored != 0)
            kept = 0;
            do
            :: which < M && IN(which, stored) -> ADD(kept, which); which++
            :: which < M -> which++
            :: which == M -> break
            od;
            which = 0;
            do                  /* the backup bears the name that its store had then */
            :: epoch > 1 -> epoch--
            :: break
            od;
            d_step { lose(kept); kept = 0 }
        }
    :: STEP(window)
            d_step { announce(); skip }
        }
#endif
    od
}

/* Things that befall cards and disks. */
proctype Accidents()
{
end:
    do
#ifdef CLONE
    :: STEP(!copied)
            d_step { copy_card(0, 1); copied = true; start(1); skip }
        }
#endif
#ifdef ROLLBACK
    :: STEP(!copied)
            d_step { copy_card(0, 1); copied = true }
        }
    :: STEP(copied && !rolled_back)
            d_step { roll_back(); rolled_back = true }
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
 * then does for some rounds what the rules tell it to, and all must be well: from every state that can be reached there
 * is a short way to a good end. With FAIR, everybody does so for ever, in any order in which nobody is left out for
 * ever, and all must become well and stay so.
 */
#define ROUNDS 4

inline car_does_its_part(c)
{
    hear_epoch(c, epoch);
#ifdef PLACE_WITHOUT_ITS_OUTBOX
    open_account(c);
#endif
#if ALARMS > 0
    if
    :: c == 0 && latched && !core[c].pressed && alarms_made < ALARMS -> press(c)
    :: else
    fi;
    do
    :: core[c].unstored != 0 && !dead -> commit_alarm(c, false)
    :: else -> break
    od;
    if
    :: c == 0 && latched && core[c].pressed && core[c].unstored == 0 -> latched = false
    :: else
    fi;
#endif
#if TRACKS > 0
    do
    :: core[c].again != 0 && ROOM(c) -> lowest(core[c].again); commit_row(c, n, false)
    :: else -> break
    od;
#endif
#ifndef NEVER_LOOKS_AGAIN
    look(c);
#endif
    transmit(c)
}

inline all_arrives_at_headquarters()
{
    for (k : 0 .. OUTBOXES * M - 1) {
        if
        :: IN(k, up) -> receive(k, true, true)
        :: else
        fi
    }
    up = 0;
#if ALARMS > 0
    for (k : 0 .. ALARMS - 1) {
        if
        :: IN(k, up_bare) -> receive_bare(k)
        :: else
        fi
    }
    up_bare = 0
#endif
}

inline all_arrives_at(c)
{
    for (k : 0 .. EPOCHS * OUTBOXES * M - 1) {
        if
        :: IN(k, down) && !dead -> hear_receipt(c, k)
        :: else
        fi
    }
#if ALARMS > 0
    for (k : 0 .. EPOCHS * ALARMS - 1) {
        if
        :: IN(k, down_id) -> hear_id(c, k)
        :: else
        fi
    }
#endif
#if CARDS > 1
    for (k : 0 .. OUTBOXES - 1) {
        if
        :: IN(k, down_clash) && !dead -> hear_clash(c, k)
        :: else
        fi
    }
#endif
}

inline all_arrives_at_cars()
{
    for (i : 0 .. RUNNING - 1) {
        if
        :: core[i].on -> all_arrives_at(i)
        :: else
        fi
    }
    down = 0;
    down_id = 0;
    down_clash = 0
}

inline faultless_round()
{
    for (i : 0 .. RUNNING - 1) {
        if
        :: core[i].on -> car_does_its_part(i)
        :: else
        fi
    }
    all_arrives_at_headquarters();
    all_arrives_at_cars()
}

inline every_message_is_stored_or_accounted_for()
{
    for (x : 0 .. M - 1) {
        if
        :: IN(x, committed) && !IN(x, stored) ->
            n = false;
            for (z : 0 .. M - 1) {
                if
                :: IS_ACCOUNT(z) && IN(z, told) && gone[z] == x && told_outbox[z] == gone_outbox[z] -> n = true
                :: else
                fi
            }
            FINALLY(stored_or_accounted_for, n)
        :: else
        fi
    }
}

inline every_place_is_stored_or_accounted_for(c)
{
    for (z : 0 .. LANES - 1) {
        for (n : 1 .. card[c].given[z]) {
            if
            :: noted[PLACE_INDEX(card[c].outbox, z, n)] == 0 ->
                /* What a car no longer holds, a store that lost it has lost for good: a gap is the truth then. */
                p = restores > 0 && (z == 2 || (given[PLACE_INDEX(card[c].outbox, z, n)] & let_go) != 0);
                for (y : 0 .. M - 1) {
                    p = p || z == 2 && IN(y, told) && told_outbox[y] == card[c].outbox && gone_place[y] == n
                }
                FINALLY(places_complete, p)
            :: else
            fi
        }
    }
}

inline nothing_waits(c)
{
    for (x : 0 .. M - 1) {
        FINALLY(outbox_emptied, (card[c].place[x] == 0 || IN(x, card[c].receipted)))
    }
}

inline all_is_well()
{
    well = true;
    /* An alarm that was receipted, on a card that died before headquarters lost it, can be read by nobody. */
    FINALLY(alarm_received, (ALARMS == 0 || shown && (stored & (ONE(ALARMS) - 1)) != 0
        || dead && restores > 0 && card[0].pressed));
    if
    :: !dead ->
        every_message_is_stored_or_accounted_for();
        for (i : 0 .. RUNNING - 1) {
            if
            :: core[i].on -> every_place_is_stored_or_accounted_for(i); nothing_waits(i)
            :: else
            fi
        }
    :: else
    fi
}

proctype Quiet()
{
    atomic {
        !calm ->
        if                      /* a broker that lost all it had */
        :: true
        :: up = 0; up_bare = 0; down = 0; down_id = 0; down_clash = 0
        fi;
        d_step {
            calm = true;
            if
            :: window -> announce()
            :: else
            fi;
#ifndef FAIR
            for (round : 1 .. ROUNDS) {
                faultless_round()
            }
            all_is_well()
#endif
        }
    }
}

#ifdef FAIR
proctype CarInCalm(byte c)
{
end:
    do
    :: d_step { calm && core[c].on -> car_does_its_part(c); all_is_well(); skip }
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
    :: d_step { calm -> all_arrives_at_cars(); all_is_well(); skip }
    od
}

ltl good_end { <> [] (well == 1) }
#endif

init
{
    atomic {
        start(0);
        run Car(0);
#if RUNNING > 1
        run Car(1);
#endif
        run Headquarters();
        run Accidents();
#ifdef FAIR
        run CarInCalm(0);
#if RUNNING > 1
        run CarInCalm(1);
#endif
        run LineUpInCalm();
        run LineDownInCalm();
#endif
        run Quiet()
    }
}
