//! Our own cases: what a calendar says, the window, and what must come out.

use activlake::sources::icalendar::{Fault, expand};
use activlake::sources::meeting::{AttendeeKind, Response, ShowAs, Status};

use super::{calendar, laid_out, options, span_of};

struct Case {
    name: &'static str,
    /// The zone of floating times.
    zone: &'static str,
    from: &'static str,
    to: &'static str,
    lines: &'static str,
    /// Spans in UTC, in order of their start; ` x` after one that is cancelled.
    wanted: &'static [&'static str],
    /// `line field reason`.
    rejected: &'static [&'static str],
}

const PLAIN: Case = Case {
    name: "",
    zone: "UTC",
    from: "20260101T000000",
    to: "20270101T000000",
    lines: "",
    wanted: &[],
    rejected: &[],
};

const CASES: &[Case] = &[
    Case {
        name: "a weekly meeting keeps its wall clock over both changes in Berlin",
        from: "20260320T000000",
        to: "20260410T000000",
        lines: "BEGIN:VEVENT\nUID:1\nDTSTART;TZID=Europe/Berlin:20251006T090000\nDTEND;TZID=Europe/Berlin:20251006T093000\nRRULE:FREQ=WEEKLY\nEND:VEVENT",
        wanted: &[
            "20260323T080000/20260323T083000",
            "20260330T070000/20260330T073000",
            "20260406T070000/20260406T073000",
        ],
        ..PLAIN
    },
    Case {
        name: "a start that the clock skips is taken with the offset before, in New York",
        from: "20260307T000000",
        to: "20260310T000000",
        lines: "BEGIN:VEVENT\nUID:1\nDTSTART;TZID=America/New_York:20260307T023000\nDURATION:PT15M\nRRULE:FREQ=DAILY;COUNT=3\nEND:VEVENT",
        wanted: &[
            "20260307T073000/20260307T074500",
            "20260308T073000/20260308T074500",
            "20260309T063000/20260309T064500",
        ],
        ..PLAIN
    },
    Case {
        name: "a start that comes twice is the first, in Berlin",
        from: "20261024T000000",
        to: "20261027T000000",
        lines: "BEGIN:VEVENT\nUID:1\nDTSTART;TZID=Europe/Berlin:20261024T023000\nDURATION:PT15M\nRRULE:FREQ=DAILY;COUNT=3\nEND:VEVENT",
        wanted: &[
            "20261024T003000/20261024T004500",
            "20261025T003000/20261025T004500",
            "20261026T013000/20261026T014500",
        ],
        ..PLAIN
    },
    Case {
        name: "half an hour of summer time, on Lord Howe",
        from: "20261002T000000",
        to: "20261006T000000",
        lines: "BEGIN:VEVENT\nUID:1\nDTSTART;TZID=Australia/Lord_Howe:20261003T021500\nDURATION:PT15M\nRRULE:FREQ=DAILY;COUNT=3\nEND:VEVENT",
        wanted: &[
            "20261002T154500/20261002T160000",
            "20261003T154500/20261003T160000",
            "20261004T151500/20261004T153000",
        ],
        ..PLAIN
    },
    Case {
        name: "midnight that the clock skips, in Cairo",
        from: "20260423T000000",
        to: "20260426T000000",
        lines: "BEGIN:VEVENT\nUID:1\nDTSTART;TZID=Africa/Cairo:20260423T000000\nDURATION:PT30M\nRRULE:FREQ=DAILY;COUNT=4\nEND:VEVENT",
        // Of the 23rd, 22:00 to 22:30 the evening before in UTC is outside the window.
        wanted: &[
            "20260423T220000/20260423T223000",
            "20260424T210000/20260424T213000",
            "20260425T210000/20260425T213000",
        ],
        ..PLAIN
    },
    Case {
        name: "an hourly rule gives a skipped hour once",
        from: "20260329T000000",
        to: "20260329T040000",
        lines: "BEGIN:VEVENT\nUID:1\nDTSTART;TZID=Europe/Berlin:20260329T010000\nDURATION:PT5M\nRRULE:FREQ=HOURLY;COUNT=4\nEND:VEVENT",
        wanted: &[
            "20260329T000000/20260329T000500",
            "20260329T010000/20260329T010500",
            "20260329T020000/20260329T020500",
        ],
        ..PLAIN
    },
    Case {
        name: "over a change an occurrence lasts as long as ever",
        lines: "BEGIN:VEVENT\nUID:1\nDTSTART;TZID=Europe/Berlin:20260321T220000\nDTEND;TZID=Europe/Berlin:20260322T060000\nRRULE:FREQ=WEEKLY;COUNT=2\nEND:VEVENT\nBEGIN:VEVENT\nUID:2\nDTSTART;TZID=Europe/Berlin:20260321T223000\nDURATION:PT8H\nRRULE:FREQ=WEEKLY;COUNT=2\nEND:VEVENT",
        wanted: &[
            "20260321T210000/20260322T050000",
            "20260321T213000/20260322T053000",
            "20260328T210000/20260329T050000",
            "20260328T213000/20260329T053000",
        ],
        ..PLAIN
    },
    Case {
        name: "what begins in a skipped hour lasts as long; the event itself ends where it says",
        lines: "BEGIN:VEVENT\nUID:1\nDTSTART;TZID=Asia/Beirut:20260328T003000\nDTEND;TZID=Asia/Beirut:20260328T011500\nRRULE:FREQ=DAILY;COUNT=2\nEND:VEVENT\nBEGIN:VEVENT\nUID:2\nDTSTART;TZID=Europe/Berlin:20261024T220000\nDTEND;TZID=Europe/Berlin:20261025T060000\nRRULE:FREQ=WEEKLY;COUNT=2\nEND:VEVENT",
        wanted: &[
            "20260327T223000/20260327T231500",
            "20260328T223000/20260328T231500",
            "20261024T200000/20261025T050000",
            "20261031T210000/20261101T050000",
        ],
        ..PLAIN
    },
    Case {
        name: "a day of duration is a day on the wall clock",
        lines: "BEGIN:VEVENT\nUID:1\nDTSTART;TZID=Europe/Berlin:20260328T120000\nDURATION:P1D\nEND:VEVENT",
        wanted: &["20260328T110000/20260329T100000"],
        ..PLAIN
    },
    Case {
        name: "an exception in another zone and one in UTC",
        lines: "BEGIN:VEVENT\nUID:1\nDTSTART;TZID=Europe/Berlin:20260105T150000\nDURATION:PT1H\nRRULE:FREQ=DAILY;COUNT=5\nEXDATE;TZID=America/New_York:20260106T090000\nEXDATE:20260108T140000Z\nEND:VEVENT",
        wanted: &[
            "20260105T140000/20260105T150000",
            "20260107T140000/20260107T150000",
            "20260109T140000/20260109T150000",
        ],
        ..PLAIN
    },
    Case {
        name: "an exception without a zone is in the zone of the start; one of a date takes the day",
        zone: "Asia/Tokyo",
        lines: "BEGIN:VEVENT\nUID:1\nDTSTART;TZID=Europe/Berlin:20260105T150000\nDURATION:PT1H\nRRULE:FREQ=DAILY;COUNT=4\nEXDATE:20260106T150000\nEXDATE;VALUE=DATE:20260107\nEXDATE:\nEND:VEVENT",
        wanted: &[
            "20260105T140000/20260105T150000",
            "20260108T140000/20260108T150000",
        ],
        ..PLAIN
    },
    Case {
        name: "a moved and a cancelled occurrence",
        lines: "BEGIN:VEVENT\nUID:1\nDTSTART;TZID=Europe/Berlin:20260105T150000\nDURATION:PT1H\nRRULE:FREQ=DAILY;COUNT=3\nEND:VEVENT\nBEGIN:VEVENT\nUID:1\nRECURRENCE-ID;TZID=Europe/Berlin:20260106T150000\nDTSTART;TZID=Europe/Berlin:20260106T170000\nDURATION:PT30M\nEND:VEVENT\nBEGIN:VEVENT\nUID:1\nRECURRENCE-ID:20260107T140000Z\nDTSTART;TZID=Europe/Berlin:20260107T150000\nDURATION:PT1H\nSTATUS:CANCELLED\nEND:VEVENT",
        wanted: &[
            "20260105T140000/20260105T150000",
            "20260106T160000/20260106T163000",
            "20260107T140000/20260107T150000 x",
        ],
        ..PLAIN
    },
    Case {
        name: "an occurrence moved into the window and one moved out of it",
        from: "20260201T000000",
        to: "20260203T000000",
        lines: "BEGIN:VEVENT\nUID:1\nDTSTART:20260101T100000Z\nDURATION:PT1H\nRRULE:FREQ=DAILY\nEND:VEVENT\nBEGIN:VEVENT\nUID:1\nRECURRENCE-ID:20260105T100000Z\nDTSTART:20260201T160000Z\nDURATION:PT1H\nEND:VEVENT\nBEGIN:VEVENT\nUID:1\nRECURRENCE-ID:20260202T100000Z\nDTSTART:20260312T100000Z\nDURATION:PT1H\nEND:VEVENT",
        wanted: &[
            "20260201T100000/20260201T110000",
            "20260201T160000/20260201T170000",
        ],
        ..PLAIN
    },
    Case {
        name: "a changed occurrence whose series is not there, and one the rule does not give",
        lines: "BEGIN:VEVENT\nUID:1\nRECURRENCE-ID:20260105T100000Z\nDTSTART:20260105T120000Z\nDURATION:PT1H\nEND:VEVENT\nBEGIN:VEVENT\nUID:2\nDTSTART:20260110T100000Z\nDURATION:PT1H\nRRULE:FREQ=DAILY;COUNT=1\nEND:VEVENT\nBEGIN:VEVENT\nUID:2\nRECURRENCE-ID:20260120T100000Z\nDTSTART:20260120T110000Z\nDURATION:PT1H\nEND:VEVENT",
        wanted: &[
            "20260105T120000/20260105T130000",
            "20260110T100000/20260110T110000",
            "20260120T110000/20260120T120000",
        ],
        ..PLAIN
    },
    Case {
        name: "this and future: moved by its distance until the next, one changed alone keeps its own",
        lines: "BEGIN:VEVENT\nUID:1\nDTSTART;TZID=Europe/Berlin:20260323T090000\nDURATION:PT1H\nRRULE:FREQ=DAILY;COUNT=9\nEND:VEVENT\nBEGIN:VEVENT\nUID:1\nRECURRENCE-ID;RANGE=THISANDFUTURE;TZID=Europe/Berlin:20260326T090000\nDTSTART;TZID=Europe/Berlin:20260326T113000\nDURATION:PT30M\nEND:VEVENT\nBEGIN:VEVENT\nUID:1\nRECURRENCE-ID;TZID=Europe/Berlin:20260327T090000\nDTSTART;TZID=Europe/Berlin:20260327T080000\nDURATION:PT10M\nEND:VEVENT\nBEGIN:VEVENT\nUID:1\nRECURRENCE-ID;RANGE=THISANDFUTURE;TZID=Europe/Berlin:20260330T090000\nDTSTART;TZID=Europe/Berlin:20260330T090000\nSTATUS:CANCELLED\nEND:VEVENT",
        wanted: &[
            "20260323T080000/20260323T090000",
            "20260324T080000/20260324T090000",
            "20260325T080000/20260325T090000",
            "20260326T103000/20260326T110000",
            "20260327T070000/20260327T071000",
            "20260328T103000/20260328T110000",
            // From here on it is summer.
            "20260329T093000/20260329T100000",
            "20260330T070000/20260330T070000 x",
            "20260331T070000/20260331T070000 x",
        ],
        ..PLAIN
    },
    Case {
        name: "the later version of an event and of a changed occurrence holds",
        lines: "BEGIN:VEVENT\nUID:1\nSEQUENCE:2\nDTSTART:20260105T100000Z\nDURATION:PT2H\nRRULE:FREQ=DAILY;COUNT=2\nEND:VEVENT\nBEGIN:VEVENT\nUID:1\nSEQUENCE:1\nDTSTART:20260105T080000Z\nRRULE:FREQ=DAILY;COUNT=9\nEND:VEVENT\nBEGIN:VEVENT\nUID:1\nRECURRENCE-ID:20260106T100000Z\nDTSTAMP:20260102T000000Z\nDTSTART:20260106T130000Z\nEND:VEVENT\nBEGIN:VEVENT\nUID:1\nRECURRENCE-ID:20260106T100000Z\nDTSTAMP:20260101T000000Z\nDTSTART:20260106T140000Z\nEND:VEVENT",
        wanted: &[
            "20260105T100000/20260105T120000",
            "20260106T130000/20260106T130000",
        ],
        ..PLAIN
    },
    Case {
        name: "dates stay dates, also west of UTC, and meet the window in the owner's zone",
        zone: "America/Los_Angeles",
        from: "20260103T000000",
        to: "20260105T000000",
        lines: "BEGIN:VEVENT\nUID:1\nDTSTART;VALUE=DATE:20260101\nRRULE:FREQ=DAILY;COUNT=6\nEND:VEVENT",
        // 2 January lasts there until 08:00 of the 3rd in UTC, 4 January begins at 08:00 of the 4th.
        wanted: &[
            "20260102/20260103",
            "20260103/20260104",
            "20260104/20260105",
        ],
        ..PLAIN
    },
    Case {
        name: "dates with an end, a duration, the day itself as end, and an exception",
        lines: "BEGIN:VEVENT\nUID:1\nDTSTART;VALUE=DATE:20260105\nDTEND;VALUE=DATE:20260108\nEND:VEVENT\nBEGIN:VEVENT\nUID:2\nDTSTART;VALUE=DATE:20260106\nDURATION:P1W\nEND:VEVENT\nBEGIN:VEVENT\nUID:3\nDTSTART;VALUE=DATE:20260107\nDTEND;VALUE=DATE:20260107\nRRULE:FREQ=WEEKLY;UNTIL=20260121\nEXDATE;VALUE=DATE:20260114\nEND:VEVENT",
        wanted: &[
            "20260105/20260108",
            "20260106/20260113",
            "20260107/20260108",
            "20260121/20260122",
        ],
        ..PLAIN
    },
    Case {
        name: "floating times are in the owner's zone",
        zone: "America/New_York",
        lines: "BEGIN:VEVENT\nUID:1\nDTSTART:20260307T090000\nDTEND:20260307T100000\nRRULE:FREQ=DAILY;COUNT=2\nEND:VEVENT",
        wanted: &[
            "20260307T140000/20260307T150000",
            "20260308T130000/20260308T140000",
        ],
        ..PLAIN
    },
    Case {
        name: "further starts and periods, with a length of their own",
        lines: "BEGIN:VEVENT\nUID:1\nDTSTART;TZID=Europe/Berlin:20260105T090000\nDURATION:PT1H\nRDATE;TZID=Europe/Berlin:20260107T110000,20260109T110000\nRDATE;VALUE=PERIOD:20260111T100000Z/20260111T103000Z,20260112T100000Z/PT10M\nEXDATE;TZID=Europe/Berlin:20260109T110000\nEND:VEVENT",
        wanted: &[
            "20260105T080000/20260105T090000",
            "20260107T100000/20260107T110000",
            "20260111T100000/20260111T103000",
            "20260112T100000/20260112T101000",
        ],
        ..PLAIN
    },
    Case {
        name: "Windows names, with and without a definition that says something else",
        lines: "BEGIN:VTIMEZONE\nTZID:Pacific Standard Time\nBEGIN:STANDARD\nDTSTART:16010101T000000\nTZOFFSETFROM:+0100\nTZOFFSETTO:+0100\nEND:STANDARD\nEND:VTIMEZONE\nBEGIN:VEVENT\nUID:1\nDTSTART;TZID=Pacific Standard Time:20260701T090000\nEND:VEVENT\nBEGIN:VEVENT\nUID:2\nDTSTART;TZID=\"W. Europe Standard Time\":20260702T090000\nEND:VEVENT\nBEGIN:VEVENT\nUID:3\nDTSTART;TZID=India Standard Time:20260703T090000\nEND:VEVENT",
        wanted: &[
            "20260701T160000/20260701T160000",
            "20260702T070000/20260702T070000",
            "20260703T033000/20260703T033000",
        ],
        ..PLAIN
    },
    Case {
        name: "a zone the calendar defines itself, with its own changes",
        lines: "BEGIN:VTIMEZONE\nTZID:Customized Time Zone\nBEGIN:STANDARD\nDTSTART:16010101T030000\nTZOFFSETFROM:+0200\nTZOFFSETTO:+0100\nRRULE:FREQ=YEARLY;INTERVAL=1;BYDAY=4SU;BYMONTH=10\nEND:STANDARD\nBEGIN:DAYLIGHT\nDTSTART:16010101T020000\nTZOFFSETFROM:+0100\nTZOFFSETTO:+0200\nRRULE:FREQ=YEARLY;INTERVAL=1;BYDAY=-1SU;BYMONTH=3\nEND:DAYLIGHT\nEND:VTIMEZONE\nBEGIN:VEVENT\nUID:1\nDTSTART;TZID=Customized Time Zone:20231018T090000\nDURATION:PT1H\nRRULE:FREQ=DAILY\nEND:VEVENT",
        from: "20231021T000000",
        to: "20231024T000000",
        // The fourth Sunday is the 22nd, the last would be the 29th.
        wanted: &[
            "20231021T070000/20231021T080000",
            "20231022T080000/20231022T090000",
            "20231023T080000/20231023T090000",
        ],
        ..PLAIN
    },
    Case {
        name: "a zone that ended, by UNTIL and by RDATE; before its first change its old offset holds",
        lines: "BEGIN:VTIMEZONE\nTZID:Ours\nBEGIN:DAYLIGHT\nDTSTART:20240331T020000\nTZOFFSETFROM:+0100\nTZOFFSETTO:+0200\nRRULE:FREQ=YEARLY;UNTIL=20250330T010000Z;BYMONTH=3;BYDAY=-1SU\nEND:DAYLIGHT\nBEGIN:STANDARD\nDTSTART:20241027T030000\nRDATE:20251026T030000\nTZOFFSETFROM:+0200\nTZOFFSETTO:+0100\nEND:STANDARD\nEND:VTIMEZONE\nBEGIN:VEVENT\nUID:1\nDTSTART;TZID=Ours:20230701T120000\nRRULE:FREQ=YEARLY\nEND:VEVENT",
        from: "20230101T000000",
        wanted: &[
            "20230701T110000/20230701T110000",
            "20240701T100000/20240701T100000",
            "20250701T100000/20250701T100000",
            "20260701T110000/20260701T110000",
        ],
        ..PLAIN
    },
    Case {
        name: "a zone that nobody knows refuses the event, not the feed, and is never UTC",
        lines: "BEGIN:VEVENT\nUID:1\nDTSTART;TZID=Mars/Base:20260105T100000\nEND:VEVENT\nBEGIN:VTIMEZONE\nTZID:Empty\nEND:VTIMEZONE\nBEGIN:VEVENT\nUID:2\nDTSTART:20260105T100000Z\nEND:VEVENT\nBEGIN:VEVENT\nUID:3\nDTSTART;TZID=Empty:20260105T100000\nEND:VEVENT",
        wanted: &["20260105T100000/20260105T100000"],
        rejected: &["6 DTSTART unknown_zone", "17 DTSTART unknown_zone"],
        ..PLAIN
    },
    Case {
        name: "an end in UTC is an instant: the evening before it in New York counts",
        lines: "BEGIN:VEVENT\nUID:1\nDTSTART;TZID=America/New_York:20260105T200000\nRRULE:FREQ=DAILY;UNTIL=20260107T010000Z\nEND:VEVENT",
        wanted: &[
            "20260106T010000/20260106T010000",
            "20260107T010000/20260107T010000",
        ],
        ..PLAIN
    },
    Case {
        name: "an end that is a date counts the whole date; one in UTC of dates may be a midnight",
        zone: "Europe/Berlin",
        lines: "BEGIN:VEVENT\nUID:1\nDTSTART;TZID=Europe/Berlin:20260105T200000\nRRULE:FREQ=DAILY;UNTIL=20260106\nEND:VEVENT\nBEGIN:VEVENT\nUID:2\nDTSTART;VALUE=DATE:20260110\nRRULE:FREQ=DAILY;UNTIL=20260111T230000Z\nEND:VEVENT\nBEGIN:VEVENT\nUID:3\nDTSTART;VALUE=DATE:20260120\nRRULE:FREQ=DAILY;UNTIL=20260121T235959Z\nEND:VEVENT",
        wanted: &[
            "20260105T190000/20260105T190000",
            "20260106T190000/20260106T190000",
            "20260110/20260111",
            "20260111/20260112",
            "20260112/20260113",
            "20260120/20260121",
            "20260121/20260122",
        ],
        ..PLAIN
    },
    Case {
        name: "an end before the start: a series without occurrences",
        lines: "BEGIN:VEVENT\nUID:1\nDTSTART:20260105T100000Z\nRRULE:FREQ=DAILY;UNTIL=20260104T100000Z\nEND:VEVENT",
        wanted: &[],
        ..PLAIN
    },
    Case {
        name: "an end before the start, from Microsoft: a series without end",
        from: "20260105T000000",
        to: "20260107T000000",
        lines: "PRODID:Microsoft Exchange Server 2010\nBEGIN:VEVENT\nUID:1\nDTSTART:20250105T100000Z\nRRULE:FREQ=DAILY;UNTIL=20250104T100000Z\nEND:VEVENT",
        wanted: &[
            "20260105T100000/20260105T100000",
            "20260106T100000/20260106T100000",
        ],
        ..PLAIN
    },
    Case {
        name: "a count that began long ago ends where it ends",
        lines: "BEGIN:VEVENT\nUID:1\nDTSTART;TZID=Europe/Berlin:19990104T090000\nDURATION:PT15M\nRRULE:FREQ=WEEKLY;BYDAY=MO,TH;COUNT=2821\nEND:VEVENT",
        // 1,410 whole weeks of two make 2,820; the last one is the Monday after them.
        wanted: &[
            "20260101T080000/20260101T081500",
            "20260105T080000/20260105T081500",
            "20260108T080000/20260108T081500",
            "20260112T080000/20260112T081500",
        ],
        ..PLAIN
    },
    Case {
        name: "the last working day of a month",
        lines: "BEGIN:VEVENT\nUID:1\nDTSTART;TZID=Europe/London:20260130T160000\nRRULE:FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1;COUNT=4\nEND:VEVENT",
        wanted: &[
            "20260130T160000/20260130T160000",
            "20260227T160000/20260227T160000",
            "20260331T150000/20260331T150000",
            "20260430T150000/20260430T150000",
        ],
        ..PLAIN
    },
    Case {
        name: "the 31st, and 29 February, only where there is one",
        to: "20330101T000000",
        lines: "BEGIN:VEVENT\nUID:1\nDTSTART:20260131T100000Z\nRRULE:FREQ=MONTHLY;COUNT=3\nEND:VEVENT\nBEGIN:VEVENT\nUID:2\nDTSTART;VALUE=DATE:20240229\nRRULE:FREQ=YEARLY\nEND:VEVENT",
        wanted: &[
            "20260131T100000/20260131T100000",
            "20260331T100000/20260331T100000",
            "20260531T100000/20260531T100000",
            "20280229/20280301",
            "20320229/20320301",
        ],
        ..PLAIN
    },
    Case {
        name: "a start that its rule does not give is an occurrence and counts",
        lines: "BEGIN:VEVENT\nUID:1\nDTSTART:20260107T100000Z\nRRULE:FREQ=WEEKLY;BYDAY=MO;COUNT=3\nEND:VEVENT",
        wanted: &[
            "20260107T100000/20260107T100000",
            "20260112T100000/20260112T100000",
            "20260119T100000/20260119T100000",
        ],
        ..PLAIN
    },
    Case {
        name: "what begins before the window and lasts into it is in it; what only touches it is not",
        from: "20260105T000000",
        to: "20260106T000000",
        lines: "BEGIN:VEVENT\nUID:1\nDTSTART:20260101T220000Z\nDURATION:PT4H\nRRULE:FREQ=DAILY\nEND:VEVENT\nBEGIN:VEVENT\nUID:2\nDTSTART:20260104T230000Z\nDTEND:20260105T000000Z\nEND:VEVENT\nBEGIN:VEVENT\nUID:3\nDTSTART:20260106T000000Z\nDTEND:20260106T010000Z\nEND:VEVENT\nBEGIN:VEVENT\nUID:4\nDTSTART:20260105T000000Z\nEND:VEVENT",
        wanted: &[
            "20260104T220000/20260105T020000",
            "20260105T000000/20260105T000000",
            "20260105T220000/20260106T020000",
        ],
        ..PLAIN
    },
    Case {
        name: "an end in another zone than its start",
        lines: "BEGIN:VEVENT\nUID:1\nDTSTART;TZID=Europe/Berlin:20260105T100000\nDTEND;TZID=America/New_York:20260105T123000\nRRULE:FREQ=DAILY;COUNT=2\nEND:VEVENT",
        wanted: &[
            "20260105T090000/20260105T173000",
            "20260106T090000/20260106T173000",
        ],
        ..PLAIN
    },
    Case {
        name: "each bad event is refused alone, with its line",
        lines: "BEGIN:VEVENT\nUID:1\nDTSTART:20260230T100000Z\nEND:VEVENT\nBEGIN:VEVENT\nUID:2\nSUMMARY:no start\nEND:VEVENT\nBEGIN:VEVENT\nUID:3\nDTSTART:20260105T100000Z\nDTEND:20260105T090000Z\nEND:VEVENT\nBEGIN:VEVENT\nUID:4\nDTSTART:20260105T100000Z\nRRULE:FREQ=DAILY;BYHOUR=24\nEND:VEVENT\nBEGIN:VEVENT\nUID:5\nDTSTART;VALUE=DATE:20260105\nDTEND:20260105T090000Z\nEND:VEVENT\nBEGIN:VEVENT\nUID:6\nDTSTART:20260105T100000Z\nDURATION:-PT1H\nEND:VEVENT\nBEGIN:VEVENT\nUID:7\nDTSTART:20260105T100000Z\nDTSTART:20260106T100000Z\nEND:VEVENT\nBEGIN:VEVENT\nUID:8\nDTSTART:20260105T100000Z\nRRULE:FREQ=SECONDLY\nEND:VEVENT\nBEGIN:VEVENT\nUID:9\nDTSTART:20260109T100000Z\nEND:VEVENT",
        wanted: &["20260109T100000/20260109T100000"],
        rejected: &[
            "6 DTSTART bad_time",
            "8 DTSTART missing",
            "15 DTEND negative",
            "20 RRULE bad_rule",
            "25 DTEND contradiction",
            "30 DURATION negative",
            "35 DTSTART duplicate_field",
            "40 RRULE rule_too_long",
        ],
        ..PLAIN
    },
    Case {
        name: "a changed occurrence that cannot be read leaves no unchanged one in its place",
        lines: "BEGIN:VEVENT\nUID:1\nDTSTART:20260105T100000Z\nRRULE:FREQ=DAILY;COUNT=3\nEND:VEVENT\nBEGIN:VEVENT\nUID:1\nRECURRENCE-ID:20260106T100000Z\nDTSTART;TZID=Mars/Base:20260106T120000\nEND:VEVENT",
        wanted: &[
            "20260105T100000/20260105T100000",
            "20260107T100000/20260107T100000",
        ],
        rejected: &["12 DTSTART unknown_zone"],
        ..PLAIN
    },
    Case {
        name: "everything in a cancelling calendar is cancelled",
        lines: "METHOD:CANCEL\nBEGIN:VEVENT\nUID:1\nRECURRENCE-ID:20260105T100000Z\nEND:VEVENT",
        wanted: &["20260105T100000/20260105T100000 x"],
        ..PLAIN
    },
];

#[test]
fn every_case_of_ours_is_right() {
    let mut failures = Vec::new();
    for case in CASES {
        let options = options(case.from, case.to, case.zone);
        let expanded = laid_out(&calendar(case.lines), &options);
        let mut got: Vec<String> = expanded
            .meetings
            .iter()
            .map(|meeting| {
                let cancelled = meeting.status == Status::Cancelled;
                span_of(meeting) + if cancelled { " x" } else { "" }
            })
            .collect();
        got.sort();
        let rejected: Vec<String> = expanded
            .rejects
            .iter()
            .map(|reject| format!("{} {} {}", reject.line, reject.field, reject.reason))
            .collect();
        if got != case.wanted || rejected != case.rejected {
            failures.push(format!(
                "{}\n  wanted {:?} {:?}\n  got    {:?} {:?}",
                case.name, case.wanted, case.rejected, got, rejected
            ));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    assert!(CASES.len() >= 25);
}

#[test]
fn ids_stay_the_same_wherever_an_occurrence_is_moved() {
    let text = calendar(
        "BEGIN:VEVENT\nUID:a\nDTSTART;TZID=Europe/Berlin:20260105T090000\nRRULE:FREQ=DAILY;COUNT=2\nEND:VEVENT\n\
         BEGIN:VEVENT\nUID:a\nRECURRENCE-ID;TZID=Europe/Berlin:20260106T090000\nDTSTART:20260301T100000Z\nEND:VEVENT\n\
         BEGIN:VEVENT\nUID:b\nDTSTART:20260110T100000Z\nEND:VEVENT\n\
         BEGIN:VEVENT\nUID:c\nDTSTART;VALUE=DATE:20260111\nRRULE:FREQ=DAILY;COUNT=1\nEND:VEVENT\n\
         BEGIN:VEVENT\nDTSTART:20260112T100000Z\nEND:VEVENT",
    );
    let options = options("20260101T000000", "20270101T000000", "UTC");
    let expanded = laid_out(&text, &options);
    let ids: Vec<_> = expanded
        .meetings
        .iter()
        .map(|meeting| (meeting.event_id.as_str(), meeting.series_id.as_deref()))
        .collect();
    assert_eq!(
        ids[..4],
        [
            ("a/20260105T080000Z", Some("a")),
            ("a/20260106T080000Z", Some("a")),
            ("b", None),
            ("c/20260111", Some("c")),
        ]
    );
    assert!(ids[4].0.starts_with("no-uid-"), "{ids:?}");
    assert_eq!(laid_out(&text, &options), expanded);
}

#[test]
fn what_an_event_says_is_understood() {
    let text = calendar(
        "BEGIN:VEVENT\nUID:1\nDTSTART:20260105T100000Z\nSUMMARY:Plan\\, part 2\nDESCRIPTION:never\n\
         CREATED:20260101T080000Z\nDTSTAMP:20260102T080000Z\nLAST-MODIFIED:20260103T080000Z\n\
         ORGANIZER;CN=Boss:MAILTO:Boss@Example.com\n\
         ATTENDEE;PARTSTAT=ACCEPTED:mailto:boss@example.com\n\
         ATTENDEE;PARTSTAT=DECLINED;CN=\"Own, er\":mailto:owner@example.com\n\
         ATTENDEE;CUTYPE=ROOM;ROLE=NON-PARTICIPANT;PARTSTAT=ACCEPTED:mailto:room@example.com\n\
         ATTENDEE;CUTYPE=GROUP:mailto:list@example.com\n\
         ATTENDEE;ROLE=OPT-PARTICIPANT;PARTSTAT=TENTATIVE:mailto:opt@example.com\n\
         ATTENDEE;PARTSTAT=DELEGATED:mailto:sends@example.com\n\
         ATTENDEE;EMAIL=by@example.com:urn:uuid:5\n\
         ATTENDEE;CN=Nobody:invalid:nomail\n\
         X-MICROSOFT-CDO-BUSYSTATUS:WORKINGELSEWHERE\nTRANSP:TRANSPARENT\nSTATUS:TENTATIVE\nEND:VEVENT\n\
         BEGIN:VEVENT\nUID:2\nDTSTART:20260106T100000Z\nSUMMARY:Surgery\nCLASS:PRIVATE\nTRANSP:TRANSPARENT\nEND:VEVENT\n\
         BEGIN:VEVENT\nUID:3\nDTSTART:20260107T100000Z\nSUMMARY:Pay\nCLASS:CONFIDENTIAL\nX-MICROSOFT-CDO-BUSYSTATUS:OOF\nEND:VEVENT\n\
         BEGIN:VEVENT\nUID:4\nDTSTART:20260108T100000Z\nSUMMARY:\nCLASS:PUBLIC\nEND:VEVENT\n\
         BEGIN:VEVENT\nUID:5\nDTSTART:20260109T100000Z\nEND:VEVENT",
    );
    let options = options("20260101T000000", "20270101T000000", "UTC");
    let expanded = laid_out(&text, &options);
    assert_eq!(expanded.rejects, []);
    let [first, private, confidential, empty, bare] = &expanded.meetings[..] else {
        panic!("{expanded:?}");
    };
    assert_eq!(first.title.as_deref(), Some("Plan, part 2"));
    assert_eq!(first.status, Status::Tentative);
    assert_eq!(first.show_as, ShowAs::WorkingElsewhere);
    assert_eq!(first.own_response, Some(Response::Declined));
    let organizer = first.organizer.as_ref().unwrap();
    assert_eq!(organizer.email, "boss@example.com");
    assert_eq!(organizer.response, Some(Response::Accepted));
    assert_eq!(first.created, Some(super::micros("20260101T080000")));
    assert_eq!(first.updated, Some(super::micros("20260103T080000")));
    let attendees: Vec<_> = first
        .attendees
        .iter()
        .map(|one| {
            (
                one.email.split('@').next().unwrap(),
                one.response.unwrap(),
                one.kind,
                one.optional,
            )
        })
        .collect();
    assert_eq!(
        attendees,
        [
            ("boss", Response::Accepted, AttendeeKind::Person, false),
            ("owner", Response::Declined, AttendeeKind::Person, false),
            ("room", Response::Accepted, AttendeeKind::Resource, false),
            ("list", Response::NeedsAction, AttendeeKind::Group, false),
            ("opt", Response::Tentative, AttendeeKind::Person, true),
            ("sends", Response::Declined, AttendeeKind::Person, false),
            ("by", Response::NeedsAction, AttendeeKind::Person, false),
        ]
    );
    for meeting in [private, confidential] {
        assert!(meeting.private);
        assert_eq!(meeting.title, None);
    }
    assert_eq!(private.show_as, ShowAs::Free);
    assert_eq!(confidential.show_as, ShowAs::OutOfOffice);
    assert_eq!(empty.title.as_deref(), Some(""));
    assert_eq!((&bare.title, bare.show_as), (&None, ShowAs::Busy));
}

#[test]
fn the_bounds_hold() {
    let text =
        calendar("BEGIN:VEVENT\nUID:1\nDTSTART:20260105T100000Z\nRRULE:FREQ=DAILY\nEND:VEVENT");
    let mut options = options("20260101T000000", "20270101T000000", "UTC");
    options.max_events = 360;
    assert_eq!(
        expand(text.as_bytes(), &options),
        Err(Fault::TooManyEvents(360))
    );
    options.max_events = 361;
    assert_eq!(laid_out(&text, &options).meetings.len(), 361);
    options.max_bytes = 50;
    assert_eq!(
        expand(text.as_bytes(), &options),
        Err(Fault::TooManyBytes(50))
    );
}

/// No text makes it panic, and every cut of a text is told from the whole.
#[test]
fn cut_and_damaged_texts_are_told_and_nothing_panics() {
    let text = calendar(
        CASES
            .iter()
            .find(|case| case.name.contains("defines"))
            .unwrap()
            .lines,
    );
    let options = options("20231021T000000", "20231024T000000", "UTC");
    let whole = laid_out(&text, &options);
    assert_eq!(whole.meetings.len(), 3);
    let end = text.trim_end().len();
    // Every seventh place, which meets every line.
    for at in (0..end).step_by(7) {
        let cut = &text.as_bytes()[..at];
        let fault = expand(cut, &options).unwrap_err();
        assert!(
            matches!(fault, Fault::NotACalendar | Fault::CutShort),
            "{at}"
        );
        for byte in [0u8, b'\n', b':', b';', b'9', 0xff] {
            let mut damaged = text.as_bytes().to_vec();
            damaged[at] = byte;
            let _ = expand(&damaged, &options);
        }
    }
}
