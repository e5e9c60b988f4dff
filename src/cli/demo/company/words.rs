//! Names of a working life, for the slots of titles and addresses.
//!
//! Constant material, nothing else: clients, documents and repositories of a company that does not
//! exist. Texts must not need JSON escapes.

/// `{d}`
pub(super) static DOCUMENTS: [&str; 28] = [
    "Quarterly forecast",
    "Pricing model",
    "Launch plan",
    "Budget 2026",
    "Cost allocation",
    "Meeting notes",
    "Retention analysis",
    "Customer survey",
    "Statement of work",
    "Travel policy",
    "Churn by region",
    "Supplier list",
    "Renewal offer",
    "Onboarding checklist",
    "Incident report",
    "Release checklist",
    "Warehouse inventory",
    "Capacity planning",
    "Brand guidelines",
    "Security questionnaire",
    "Month-end close",
    "Roadmap draft",
    "Data dictionary",
    "Angebot Übersicht",
    "Partial refunds",
    "Newsletter",
    "Interview guide",
    "Design notes",
];
/// `{c}`
pub(super) static CLIENTS: [&str; 16] = [
    "Amber Logistics",
    "Birch Retail",
    "Cobalt Foods",
    "Delta Freight",
    "Ember Energy",
    "Fjord Textiles",
    "Granite Bank",
    "Harbor Clinics",
    "Indigo Media",
    "Juniper Hotels",
    "Kestrel Air",
    "Lotus Pharma",
    "Maple Schools",
    "Nimbus Telecom",
    "Ocean Tiles",
    "Pine Insurance",
];
/// `{r}`
pub(super) static REPOSITORIES: [&str; 8] = [
    "invoices",
    "storefront",
    "pricing",
    "data-platform",
    "mobile",
    "search",
    "infrastructure",
    "docs",
];
/// `{b}`
pub(super) static CHANNELS: [&str; 14] = [
    "general",
    "engineering",
    "releases",
    "sales-emea",
    "support-handover",
    "finance-ops",
    "random",
    "berlin-office",
    "on-call",
    "marketing",
    "standup",
    "customer-amber",
    "data-questions",
    "help-it",
];
/// `{v}`
pub(super) static VIDEOS: [&str; 8] = [
    "Lo-fi for long afternoons",
    "How suspension bridges work",
    "Ten minute stretch at the desk",
    "Keyboard sound test",
    "Highlights of the weekend",
    "Pivot tables in eight minutes",
    "A train ride through the mountains",
    "Sourdough for beginners",
];
/// `{h}`
pub(super) static HEADLINES: [&str; 8] = [
    "Markets open higher",
    "Rail strike called off",
    "New rules for batteries",
    "City plans more cycle lanes",
    "Heavy rain expected",
    "Museum reopens after ten years",
    "Chip supply eases",
    "Final goes to penalties",
];
/// `{s}` and `{q}`: as shown, and as it stands in a query string.
pub(super) static SEARCHES: [(&str, &str); 16] = [
    ("round half even", "round+half+even"),
    ("excel xlookup two criteria", "excel+xlookup+two+criteria"),
    ("desk lamp", "desk+lamp"),
    ("standing desk", "standing%20desk"),
    ("usd to eur", "usd+to+eur"),
    ("rust borrow checker closure", "rust+borrow+checker+closure"),
    ("train to potsdam", "train+to+potsdam"),
    (
        "gdpr retention period invoices",
        "gdpr+retention+period+invoices",
    ),
    ("noise cancelling headphones", "noise+cancelling+headphones"),
    ("rückerstattung frist", "r%C3%BCckerstattung+frist"),
    ("net promoter score formula", "net+promoter+score+formula"),
    ("python parse iso 8601", "python+parse+iso+8601"),
    ("timezone kolkata berlin", "timezone+kolkata+berlin"),
    ("slide template timeline", "slide+template+timeline"),
    ("c++ vs rust", "c%2B%2B+vs+rust"),
    ("lunch near me", "lunch+near+me"),
];
