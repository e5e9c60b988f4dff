//! The way through a listing: page after page, within bounds, and never to another origin.

use std::collections::HashSet;

use url::{Origin, Url};

use super::Listing;
use crate::connectors::{Failure, FailureKind};

/// The way through a listing.
pub(super) struct Pages {
    origin: Origin,
    /// The page to read next; none at the end.
    pub(super) next: Option<Url>,
    listing: Listing,
    max_pages: usize,
    /// Every address so far, the first included.
    seen: HashSet<String>,
}

impl Pages {
    pub(super) fn new(first: Url, max_pages: usize, listing: Listing) -> Pages {
        Pages {
            origin: first.origin(),
            seen: HashSet::from([first.as_str().to_owned()]),
            next: Some(first),
            listing,
            max_pages,
        }
    }

    /// Takes the link of the page just read; there is no next page without one.
    pub(super) fn go_on(&mut self, link: Option<String>) -> Result<(), Failure> {
        let Some(link) = link else {
            return Ok(());
        };
        let contract = |message: String| Failure::new(FailureKind::Contract, message);
        let what = self.listing.words();
        let url = Url::parse(&link)
            .map_err(|_| contract(format!("{what}: the link to the next page is no address")))?;
        // The client would also let the sign-in service pass, which has no business with a token
        // for Graph.
        if url.origin() != self.origin || !url.username().is_empty() || url.password().is_some() {
            return Err(contract(format!(
                "{what}: a link to {} was refused: pages come from graph_url only",
                url.origin().ascii_serialization()
            )));
        }
        if !self.seen.insert(url.as_str().to_owned()) {
            return Err(contract(format!("{what}: its pages go in a circle")));
        }
        if self.seen.len() > self.max_pages {
            return Err(contract(format!(
                "{what} has more than max_pages = {} pages; raise it in [[integration]]",
                self.max_pages
            )));
        }
        self.next = Some(url);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::testing::{Asked, Peer, Reply, WINDOW, ann, event, lines, origin, set};
    use super::*;
    use crate::config::integration::Sync as SyncSettings;
    use crate::connectors::Calendars;

    #[tokio::test]
    async fn pages_end_somewhere() {
        // A link back to the first page.
        let circle = set(SyncSettings::default(), |asked| {
            let first = asked.line.split_once(' ').unwrap().1;
            let next = format!("{}{first}", origin(asked));
            Reply::json(
                200,
                &json!({"value": [], "@odata.nextLink": next}).to_string(),
            )
        })
        .await;
        let failure = circle.calendars.window(&ann(), WINDOW).await.unwrap_err();
        assert_eq!(failure.kind, FailureKind::Contract);
        assert!(failure.message.contains("circle"), "{failure}");
        assert_eq!(lines(&circle).len(), 2);

        // Always another link.
        let endless = |asked: &Asked| {
            let next = format!("{}/v1.0/n?{}", origin(asked), asked.line.len());
            let next = match asked.line.split_once("/n?") {
                Some((_, number)) => next.replace(
                    &format!("?{}", asked.line.len()),
                    &format!("?{}", number.parse::<u64>().unwrap() + 1),
                ),
                None => next,
            };
            let page = json!({"value": [event(1), event(2)], "@odata.nextLink": next});
            Reply::json(200, &page.to_string())
        };
        let pages = SyncSettings {
            max_pages: 3,
            ..SyncSettings::default()
        };
        let many = set(pages, endless).await;
        let failure = many.calendars.window(&ann(), WINDOW).await.unwrap_err();
        assert_eq!(failure.kind, FailureKind::Contract);
        assert!(failure.message.contains("max_pages = 3"), "{failure}");
        assert_eq!(lines(&many).len(), 4);
        let failure = many.calendars.directory(&mut |_| {}).await.unwrap_err();
        assert_eq!(failure.kind, FailureKind::Contract);

        let events = SyncSettings {
            max_events: 3,
            ..SyncSettings::default()
        };
        let full = set(events, endless).await;
        let failure = full.calendars.window(&ann(), WINDOW).await.unwrap_err();
        assert_eq!(failure.kind, FailureKind::Limit);
        assert!(failure.message.contains("max_events = 3"), "{failure}");
        assert_eq!(lines(&full).len(), 3);
    }

    #[tokio::test]
    async fn no_token_goes_elsewhere() {
        let other = Peer::start(|_| Reply::json(200, r#"{"value": []}"#)).await;
        let (host, elsewhere) = (other.origin().to_owned(), other.origin().to_owned());
        let set = set(SyncSettings::default(), move |asked| {
            let next = match asked.line.contains("/users/A%2F1/") {
                true => format!("{elsewhere}/v1.0/x"),
                false => origin(asked).replace("http://", "http://a:b@"),
            };
            Reply::json(
                200,
                &json!({"value": [], "@odata.nextLink": next}).to_string(),
            )
        })
        .await;
        let failure = set.calendars.window(&ann(), WINDOW).await.unwrap_err();
        assert_eq!(failure.kind, FailureKind::Contract);
        assert!(failure.message.contains(&host), "{failure}");
        let failure = set.calendars.directory(&mut |_| {}).await.unwrap_err();
        assert_eq!(failure.kind, FailureKind::Contract);
        assert_eq!(other.seen().len(), 0);

        // Not even to the sign-in service, which the client may talk to.
        let graph = Url::parse("https://graph.example.com/v1.0/users").unwrap();
        let mut pages = Pages::new(graph, 9, Listing::Directory);
        pages.next = None;
        let link = "https://login.example.com/v1.0/users?2";
        assert!(pages.go_on(Some(link.into())).is_err());
        assert!(pages.go_on(Some("/v1.0/users?2".into())).is_err());
        assert_eq!(pages.next, None);
        let link = "https://graph.example.com/v1.0/users?2";
        pages.go_on(Some(link.into())).unwrap();
        assert_eq!(pages.next.as_ref().map(Url::as_str), Some(link));
    }
}
