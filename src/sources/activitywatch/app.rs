//! What an application's name says: a lock screen, a browser of some family.
//!
//! Names differ by system: `chrome.exe`, `Google Chrome`, `google-chrome-stable`. They are compared
//! without case, ending, blanks, dots, dashes and underscores.

/// A family of browsers that share one watcher.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Family {
    Chrome,
    Edge,
    Brave,
    Opera,
    Vivaldi,
    Arc,
    Firefox,
    Safari,
}

impl Family {
    /// The short name, part of event ids.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Family::Chrome => "chrome",
            Family::Edge => "edge",
            Family::Brave => "brave",
            Family::Opera => "opera",
            Family::Vivaldi => "vivaldi",
            Family::Arc => "arc",
            Family::Firefox => "firefox",
            Family::Safari => "safari",
        }
    }

    /// Whether its extension may call itself Chrome's.
    pub(super) fn is_chromium(self) -> bool {
        !matches!(self, Family::Firefox | Family::Safari)
    }

    /// The browser that an application is.
    pub(super) fn of_app(app: &str) -> Option<Family> {
        Some(match plain(app).as_str() {
            "chrome" | "googlechrome" | "googlechromestable" | "googlechromebeta"
            | "googlechromecanary" | "chromium" | "chromiumbrowser" => Family::Chrome,
            "msedge"
            | "microsoftedge"
            | "microsoftedgestable"
            | "microsoftedgebeta"
            | "microsoftedgedev"
            | "edge" => Family::Edge,
            "brave" | "bravebrowser" | "bravebrowserstable" => Family::Brave,
            "opera" | "operagx" | "operastable" => Family::Opera,
            "vivaldi" | "vivaldistable" => Family::Vivaldi,
            "arc" => Family::Arc,
            "firefox"
            | "firefoxesr"
            | "firefoxdeveloperedition"
            | "firefoxnightly"
            | "mozillafirefox"
            | "orgmozillafirefox"
            | "navigator"
            | "librewolf"
            | "waterfox"
            | "zen"
            | "zenbrowser" => Family::Firefox,
            "safari" | "safaritechnologypreview" => Family::Safari,
            _ => return None,
        })
    }

    /// The browser that a web bucket watches, by its id without the host name, else its client.
    pub(super) fn of_bucket(id: &str, client: &str, hostname: &str) -> Option<Family> {
        let id = id.strip_suffix(hostname).unwrap_or(id);
        [id, client].into_iter().find_map(|text| {
            text.split(|letter: char| !letter.is_alphanumeric())
                .find_map(Family::of_app)
        })
    }
}

/// Whether being in front means that the screen is locked.
pub(super) fn is_lock_screen(app: &str) -> bool {
    matches!(
        plain(app).as_str(),
        "lockapp"
            | "logonui"
            | "loginwindow"
            | "screensaverengine"
            | "gnomescreensaver"
            | "gnomescreensaverdialog"
            | "cinnamonscreensaver"
            | "matescreensaver"
            | "xfce4screensaver"
            | "xscreensaver"
            | "kscreenlocker"
            | "kscreenlockergreet"
            | "lightlocker"
            | "i3lock"
            | "swaylock"
            | "gtklock"
            | "hyprlock"
            | "waylock"
            | "xsecurelock"
            | "physlock"
            | "slock"
    )
}

/// Lower case, without one `.exe` or `.app`, and without what systems put between words.
fn plain(app: &str) -> String {
    let lower = app.trim().to_lowercase();
    let name = lower
        .strip_suffix(".exe")
        .or_else(|| lower.strip_suffix(".app"))
        .unwrap_or(&lower);
    name.chars()
        .filter(|letter| !matches!(letter, ' ' | '-' | '_' | '.'))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn browsers() {
        for (app, family) in [
            ("chrome.exe", Some(Family::Chrome)),
            ("Google-chrome", Some(Family::Chrome)),
            ("Google Chrome", Some(Family::Chrome)),
            ("msedge.exe", Some(Family::Edge)),
            ("Brave Browser", Some(Family::Brave)),
            ("firefox", Some(Family::Firefox)),
            ("Safari.app", Some(Family::Safari)),
            ("knowledge.exe", None),
            ("chromedriver.exe", None),
        ] {
            assert_eq!(Family::of_app(app), family, "{app}");
        }
    }

    #[test]
    fn buckets() {
        let of = |id, host| Family::of_bucket(id, "aw-client-web", host);
        assert_eq!(of("aw-watcher-web-chrome", "unknown"), Some(Family::Chrome));
        assert_eq!(
            of("aw-watcher-web-firefox_pc-1", "pc-1"),
            Some(Family::Firefox)
        );
        // A host may be called like a browser.
        assert_eq!(of("aw-watcher-web_edge", "edge"), None);
        assert_eq!(
            Family::of_bucket("mine", "aw-watcher-web-brave", "pc"),
            Some(Family::Brave)
        );
    }

    #[test]
    fn lock_screens() {
        for app in [
            "LockApp.exe",
            "loginwindow",
            "gnome-screensaver",
            "kscreenlocker_greet",
        ] {
            assert!(is_lock_screen(app), "{app}");
        }
        assert!(!is_lock_screen("slack.exe"));
    }
}
