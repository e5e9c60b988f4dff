//! What can be in front of somebody: programs, pages and the screens they show.
//!
//! Constant material, nothing else. Programs and public sites are real, so that shipped tables and
//! search rules have something to recognise; addresses within the company are not. Texts must not
//! need JSON escapes. Slots, filled from [`super::words`]: `{d}` document, `{n}` number, `{u}`
//! small number, `{c}` client, `{r}` repository, `{k}` ticket, `{v}` video, `{h}` headline, `{b}`
//! channel, `{s}` search words, `{q}` the same in a query string, `{m}` own mail address, `{x}`
//! opaque id.

/// A window, or a page with its address (empty for a window that is none).
pub(super) struct Screen {
    pub title: &'static str,
    pub url: &'static str,
}

/// Something in front: a program, or (without executables) pages shown by the browser.
pub(super) struct Thing {
    /// Executable on Windows; empty for pages.
    pub windows: &'static str,
    /// Folder of the executable on Windows, JSON-escaped, with its last separator.
    pub folder: &'static str,
    /// Process name on macOS; empty for pages.
    pub macos: &'static str,
    /// What the operating system calls the program.
    pub description: &'static str,
    pub screens: &'static [Screen],
}

impl Thing {
    /// Whether it is shown by the browser.
    pub fn is_page(&self) -> bool {
        self.windows.is_empty()
    }
}

/// A browser and what it appends to a page's title.
pub(super) struct Browser {
    pub executable: &'static str,
    pub folder: &'static str,
    pub tail: &'static str,
}

const fn window(title: &'static str) -> Screen {
    Screen { title, url: "" }
}

const fn page(title: &'static str, url: &'static str) -> Screen {
    Screen { title, url }
}

const fn pages(screens: &'static [Screen]) -> Thing {
    Thing {
        windows: "",
        folder: "",
        macos: "",
        description: "",
        screens,
    }
}

const fn program(
    windows: &'static str,
    folder: &'static str,
    macos: &'static str,
    description: &'static str,
    screens: &'static [Screen],
) -> Thing {
    Thing {
        windows,
        folder,
        macos,
        description,
        screens,
    }
}

const OFFICE: &str = r"C:\\Program Files\\Microsoft Office\\root\\Office16\\";
const WINDOWS: &str = r"C:\\Windows\\";
const APPS: &str = r"C:\\Program Files\\WindowsApps\\";

/// Browsers of Windows computers.
pub(super) static WINDOWS_BROWSERS: [Browser; 3] = [
    Browser {
        executable: "chrome.exe",
        folder: r"C:\\Program Files\\Google\\Chrome\\Application\\",
        tail: " - Google Chrome",
    },
    Browser {
        executable: "msedge.exe",
        folder: r"C:\\Program Files (x86)\\Microsoft\\Edge\\Application\\",
        tail: " - Work - Microsoft\u{200b} Edge",
    },
    Browser {
        executable: "firefox.exe",
        folder: r"C:\\Program Files\\Mozilla Firefox\\",
        tail: " — Mozilla Firefox",
    },
];

/// Browsers of macOS computers.
pub(super) static MACOS_BROWSERS: [Browser; 2] = [
    Browser {
        executable: "Google Chrome",
        folder: "/Applications/Google Chrome.app/Contents/MacOS/",
        tail: " - Google Chrome",
    },
    Browser {
        executable: "Safari",
        folder: "/Applications/Safari.app/Contents/MacOS/",
        tail: "",
    },
];

/// What is in front of a locked screen.
pub(super) static LOCK_SCREEN: Thing = program(
    "LockApp.exe",
    r"C:\\Windows\\SystemApps\\Microsoft.LockApp_cw5n1h2txyewy\\",
    "loginwindow",
    "Lock screen",
    &[window("Windows Default Lock Screen")],
);

pub(super) static OUTLOOK: Thing = program(
    "OUTLOOK.EXE",
    OFFICE,
    "Microsoft Outlook",
    "Microsoft Outlook",
    &[
        window("Inbox - {m} - Outlook"),
        window("{d} - Message (HTML)"),
        window("RE: {c} {d} - Message (HTML)"),
        window("Calendar - {m} - Outlook"),
    ],
);
pub(super) static EXCEL: Thing = program(
    "EXCEL.EXE",
    OFFICE,
    "Microsoft Excel",
    "Microsoft Excel",
    &[window("{d}.xlsx - Excel"), window("{c} {d}.xlsx - Excel")],
);
pub(super) static WORD: Thing = program(
    "WINWORD.EXE",
    OFFICE,
    "Microsoft Word",
    "Microsoft Word",
    &[
        window("{d}.docx - Word"),
        window("{c} {d} v{u}.docx - Word"),
    ],
);
pub(super) static POWERPOINT: Thing = program(
    "POWERPNT.EXE",
    OFFICE,
    "Microsoft PowerPoint",
    "Microsoft PowerPoint",
    &[
        window("{c} {d}.pptx - PowerPoint"),
        window("{d}.pptx - PowerPoint"),
    ],
);
pub(super) static TEAMS: Thing = program(
    "ms-teams.exe",
    APPS,
    "MSTeams",
    "Microsoft Teams",
    &[
        window("Chat | {b} | Microsoft Teams"),
        window("Activity | Microsoft Teams"),
        window("{b} (General) | Microsoft Teams"),
    ],
);
pub(super) static TEAMS_MEETING: Thing = program(
    "ms-teams.exe",
    APPS,
    "MSTeams",
    "Microsoft Teams",
    &[
        window("{d} review | Microsoft Teams"),
        window("Weekly {b} | Microsoft Teams"),
    ],
);
pub(super) static SLACK: Thing = program(
    "slack.exe",
    r"C:\\Program Files\\Slack\\",
    "Slack",
    "Slack",
    &[
        window("{b} (Channel) - Example Works - Slack"),
        window("Threads - Example Works - Slack"),
        window("{b} (Channel) - Example Works - {u} new items - Slack"),
    ],
);
pub(super) static ZOOM: Thing = program(
    "Zoom.exe",
    r"C:\\Program Files\\Zoom\\bin\\",
    "zoom.us",
    "Zoom Workplace",
    &[
        window("Zoom Meeting"),
        window("Zoom Meeting {u} participants"),
    ],
);
pub(super) static CODE: Thing = program(
    "Code.exe",
    r"C:\\Program Files\\Microsoft VS Code\\",
    "Code",
    "Visual Studio Code",
    &[
        window("ledger.rs - {r} - Visual Studio Code"),
        window("import_{u}.py - {r} - Visual Studio Code"),
        window("schema.sql - {r} - Visual Studio Code"),
        window("README.md - {r} - Visual Studio Code"),
    ],
);
pub(super) static TERMINAL: Thing = program(
    "WindowsTerminal.exe",
    APPS,
    "Terminal",
    "Terminal",
    &[
        window("{r}: cargo test"),
        window("{r}: git log"),
        window("{r}: ssh build-{u}"),
    ],
);
pub(super) static POSTMAN: Thing = program(
    "Postman.exe",
    r"C:\\Program Files\\Postman\\",
    "Postman",
    "Postman",
    &[window("{r} / orders - My Workspace")],
);
pub(super) static TABLEAU: Thing = program(
    "tableau.exe",
    r"C:\\Program Files\\Tableau\\bin\\",
    "Tableau",
    "Tableau Desktop",
    &[window("Tableau - {d}")],
);
pub(super) static POWER_BI: Thing = program(
    "PBIDesktop.exe",
    r"C:\\Program Files\\Microsoft Power BI Desktop\\bin\\",
    "Parallels Desktop",
    "Microsoft Power BI Desktop",
    &[
        window("{d} - Power BI Desktop"),
        window("{c} margins - Power BI Desktop"),
    ],
);
pub(super) static EXPLORER: Thing = program(
    "explorer.exe",
    WINDOWS,
    "Finder",
    "File manager",
    &[window("Downloads"), window("{c}"), window("Documents")],
);
pub(super) static NOTEPAD: Thing = program(
    "notepad.exe",
    WINDOWS,
    "Notes",
    "Notes",
    &[
        window("todo {u}.txt - Notepad"),
        window("Untitled - Notepad"),
    ],
);
pub(super) static ACROBAT: Thing = program(
    "Acrobat.exe",
    r"C:\\Program Files\\Adobe\\Acrobat DC\\Acrobat\\",
    "Preview",
    "Document viewer",
    &[
        window("{c} {d}.pdf - Adobe Acrobat"),
        window("Invoice {n}.pdf - Adobe Acrobat"),
    ],
);
pub(super) static LEDGER: Thing = program(
    "ExampleERP.exe",
    r"C:\\Program Files\\Example ERP\\",
    "ExampleERP",
    "Example ERP",
    &[
        window("Open items {n} - Example ERP"),
        window("Supplier {n} - Example ERP"),
        window("Payment run - Example ERP"),
    ],
);
pub(super) static PHOTOSHOP: Thing = program(
    "Photoshop.exe",
    r"C:\\Program Files\\Adobe\\Adobe Photoshop 2026\\",
    "Adobe Photoshop",
    "Adobe Photoshop",
    &[window("banner-{n}.psd @ 66.7% (RGB/8)")],
);
pub(super) static SPOTIFY: Thing = program(
    "Spotify.exe",
    r"C:\\Program Files\\WindowsApps\\Spotify\\",
    "Spotify",
    "Spotify",
    &[window("Spotify Premium")],
);

pub(super) static GMAIL: Thing = pages(&[
    page(
        "Inbox ({u}) - {m} - Example Works Mail",
        "https://mail.google.com/mail/u/0/#inbox",
    ),
    page(
        "{c}: {d} - {m} - Example Works Mail",
        "https://mail.google.com/mail/u/0/#inbox/{x}",
    ),
]);
pub(super) static GOOGLE_DOCS: Thing = pages(&[
    page(
        "{d} - Google Docs",
        "https://docs.google.com/document/d/{x}/edit",
    ),
    page(
        "{c} {d} - Google Sheets",
        "https://docs.google.com/spreadsheets/d/{x}/edit#gid=0",
    ),
    page(
        "{d} - Google Slides",
        "https://docs.google.com/presentation/d/{x}/edit",
    ),
]);
pub(super) static GOOGLE_CALENDAR: Thing = pages(&[page(
    "Example Works - Calendar - Week {u}",
    "https://calendar.google.com/calendar/u/0/r/week",
)]);
pub(super) static GOOGLE_MEET: Thing =
    pages(&[page("Meet - {d} review", "https://meet.google.com/{x}")]);
pub(super) static GITHUB: Thing = pages(&[
    page(
        "{d} by {b} · Pull Request #{n} · example-works/{r}",
        "https://github.com/example-works/{r}/pull/{n}/files",
    ),
    page(
        "Issues · example-works/{r}",
        "https://github.com/example-works/{r}/issues",
    ),
    page(
        "{d} · Issue #{n} · example-works/{r}",
        "https://github.com/example-works/{r}/issues/{n}",
    ),
    page(
        "Workflow runs · example-works/{r}",
        "https://github.com/example-works/{r}/actions",
    ),
]);
pub(super) static JIRA: Thing = pages(&[
    page(
        "[{k}] {d} - Jira",
        "https://exampleworks.atlassian.net/browse/{k}",
    ),
    page(
        "Sprint {u} - Board - Jira",
        "https://exampleworks.atlassian.net/jira/software/projects/EW/boards/{u}",
    ),
]);
pub(super) static CONFLUENCE: Thing = pages(&[
    page(
        "{d} - Confluence",
        "https://exampleworks.atlassian.net/wiki/spaces/EW/pages/{n}",
    ),
    page(
        "Handbook - Example Works Wiki",
        "https://wiki.example.com/handbook/{u}",
    ),
]);
pub(super) static STACKOVERFLOW: Thing = pages(&[page(
    "{s} - Stack Overflow",
    "https://stackoverflow.com/questions/{x}",
)]);
pub(super) static SALESFORCE: Thing = pages(&[
    page(
        "{c} | Salesforce",
        "https://exampleworks.lightning.force.com/lightning/r/Account/{x}/view",
    ),
    page(
        "Recently Viewed | Opportunities | Salesforce",
        "https://exampleworks.lightning.force.com/lightning/o/Opportunity/list",
    ),
    page(
        "{c} | Salesforce",
        "https://exampleworks.my.salesforce.com/{x}",
    ),
]);
pub(super) static HUBSPOT: Thing = pages(&[page(
    "{c} | HubSpot",
    "https://app.hubspot.com/contacts/{n}",
)]);
pub(super) static ZENDESK: Thing = pages(&[
    page(
        "{c} - {d} - Ticket {n} - Zendesk",
        "https://exampleworks.zendesk.com/agent/tickets/{n}",
    ),
    page(
        "Your unsolved tickets - Zendesk",
        "https://exampleworks.zendesk.com/agent/filters/{u}",
    ),
]);
pub(super) static LINKEDIN: Thing = pages(&[
    page("({u}) Feed | LinkedIn", "https://www.linkedin.com/feed/"),
    page(
        "{c}: Overview | LinkedIn",
        "https://www.linkedin.com/company/{x}/",
    ),
]);
pub(super) static FIGMA: Thing = pages(&[page(
    "{d} – Figma",
    "https://www.figma.com/design/{x}/draft",
)]);
pub(super) static GRAFANA: Thing = pages(&[page(
    "{r} overview - Dashboards - Grafana",
    "https://grafana.example.com/d/{x}/{r}?orgId=1",
)]);
pub(super) static SHAREPOINT: Thing = pages(&[page(
    "{c} - Documents - All Documents",
    "https://exampleworks.sharepoint.com/sites/clients/Shared%20Documents/{x}",
)]);
pub(super) static DRIVE: Thing = pages(&[
    page(
        "My Drive - Google Drive",
        "https://drive.google.com/drive/my-drive",
    ),
    page("{c} - Dropbox", "https://www.dropbox.com/home/{x}"),
]);
pub(super) static ASSISTANT: Thing = pages(&[
    page("{s}", "https://chatgpt.com/c/{x}"),
    page("{s} - Claude", "https://claude.ai/chat/{x}"),
]);
pub(super) static SEARCH: Thing = pages(&[
    page(
        "{s} - Google Search",
        "https://www.google.com/search?q={q}&sourceid=chrome&ie=UTF-8",
    ),
    page(
        "{s} - Google Search",
        "https://www.google.com/search?client=firefox-b-d&q={q}",
    ),
    page(
        "{s} - Search",
        "https://www.bing.com/search?q={q}&form=QBLH",
    ),
    page("{s} at DuckDuckGo", "https://duckduckgo.com/?q={q}&ia=web"),
]);
pub(super) static WORKDAY: Thing = pages(&[page(
    "Absence - Workday",
    "https://wd5.myworkday.com/exampleworks/d/home.htmld",
)]);
pub(super) static NEWS: Thing = pages(&[
    page("{h} - BBC News", "https://www.bbc.com/news/articles/{x}"),
    page(
        "{h} - The New York Times",
        "https://www.nytimes.com/2026/section/{x}.html",
    ),
    page("Hacker News", "https://news.ycombinator.com/"),
    page(
        "{h} - DER SPIEGEL",
        "https://www.spiegel.de/wirtschaft/{x}.html",
    ),
    page(
        "{h} - Times of India",
        "https://timesofindia.indiatimes.com/articleshow/{n}.cms",
    ),
]);
pub(super) static VIDEO: Thing = pages(&[
    page("{v} - YouTube", "https://www.youtube.com/watch?v={x}"),
    page("(1) YouTube", "https://www.youtube.com/"),
]);
pub(super) static SHOPPING: Thing = pages(&[
    page("Amazon.com : {s}", "https://www.amazon.com/s?k={q}"),
    page(
        "{s} for sale | eBay",
        "https://www.ebay.com/sch/i.html?_nkw={q}",
    ),
    page("Shopping Cart", "https://www.amazon.com/gp/cart/view.html"),
]);
pub(super) static SOCIAL: Thing = pages(&[
    page(
        "{h} : r/technology",
        "https://www.reddit.com/r/technology/comments/{x}/",
    ),
    page("Facebook", "https://www.facebook.com/"),
    page("Instagram", "https://www.instagram.com/"),
]);
pub(super) static TRAVEL: Thing = pages(&[
    page(
        "Booking.com: hotels",
        "https://www.booking.com/searchresults.html?checkin={n}",
    ),
    page(
        "Weather - 10 days",
        "https://weather.com/weather/tenday/l/{x}",
    ),
]);
