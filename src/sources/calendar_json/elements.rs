//! The elements of a JSON list, cut out of a stream without being parsed.
//!
//! Bytes go in, the text of one element at a time goes out, held up to a limit. Brackets and
//! strings are followed only as far as finding an element's end takes: whether it is JSON at all is
//! for others to say, and a bad element does not hide the next.

use std::io::BufRead;

/// What came of looking for the next element.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Its text is in [`Elements::bytes`]; blank where there is none between two commas.
    Element,
    /// It was longer than the limit and has been passed over.
    TooLarge,
    /// The list and the text have ended.
    End,
    /// The text is no list, or does not end with it; nothing more can be read.
    Broken(&'static str),
}

/// The way through a list, from behind its opening bracket.
pub(super) struct Elements {
    bytes: Vec<u8>,
    max_bytes: usize,
    too_large: bool,
    /// Open brackets of the element.
    depth: u64,
    within: Within,
    /// Whether a comma came before: then an element has to follow.
    after_comma: bool,
    closed: bool,
}

/// What the place is in.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Within {
    Element,
    Text,
    /// Behind a text's backslash.
    Escape,
}

/// What a byte is to the list.
enum Step {
    Part,
    Comma,
    Close,
}

impl Elements {
    pub(super) fn new(max_bytes: usize) -> Elements {
        Elements {
            bytes: Vec::new(),
            max_bytes,
            too_large: false,
            depth: 0,
            within: Within::Element,
            after_comma: false,
            closed: false,
        }
    }

    /// The element's text, without blanks around it.
    pub(super) fn bytes(&self) -> &[u8] {
        self.bytes.trim_ascii_end()
    }

    pub(super) fn next(&mut self, reader: &mut dyn BufRead) -> std::io::Result<Next> {
        self.bytes.clear();
        self.too_large = false;
        loop {
            let chunk = match reader.fill_buf() {
                Ok(chunk) => chunk,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            if chunk.is_empty() {
                return Ok(match self.closed {
                    true => Next::End,
                    false => Next::Broken("the list does not end"),
                });
            }
            if self.closed {
                if !chunk.trim_ascii().is_empty() {
                    return Ok(Next::Broken("something follows the list"));
                }
                let length = chunk.len();
                reader.consume(length);
                continue;
            }
            let mut end = None;
            let mut length = chunk.len();
            for (at, byte) in chunk.iter().enumerate() {
                match self.step(*byte) {
                    Step::Part => continue,
                    step => end = Some(step),
                }
                length = at;
                break;
            }
            self.take(chunk.get(..length).unwrap_or_default());
            reader.consume(length + usize::from(end.is_some()));
            let follows = self.after_comma;
            match end {
                None => continue,
                Some(Step::Close) => self.closed = true,
                Some(_) => self.after_comma = true,
            }
            if self.too_large {
                return Ok(Next::TooLarge);
            }
            // `[]` has no element, `[1,]` and `[,1]` lack one.
            if !self.closed || follows || !self.bytes.is_empty() {
                return Ok(Next::Element);
            }
        }
    }

    fn step(&mut self, byte: u8) -> Step {
        match (self.within, byte) {
            (Within::Escape, _) | (Within::Element, b'"') => self.within = Within::Text,
            (Within::Text, b'\\') => self.within = Within::Escape,
            (Within::Text, b'"') => self.within = Within::Element,
            (Within::Text, _) => {}
            (_, b'{' | b'[') => self.depth = self.depth.saturating_add(1),
            (_, b']') if self.depth == 0 => return Step::Close,
            (_, b',') if self.depth == 0 => return Step::Comma,
            (_, b'}' | b']') => self.depth = self.depth.saturating_sub(1),
            _ => {}
        }
        Step::Part
    }

    /// Keeps what belongs to the element, but no more than the limit and blanks before it.
    fn take(&mut self, part: &[u8]) {
        let part = match self.bytes.is_empty() {
            true => part.trim_ascii_start(),
            false => part,
        };
        let room = self.max_bytes.saturating_sub(self.bytes.len());
        let (kept, rest) = part.split_at_checked(room).unwrap_or((part, &[]));
        self.bytes.extend_from_slice(kept);
        self.too_large |= !rest.trim_ascii().is_empty();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Elements, read through a buffer of one byte and through a large one.
    fn cut(text: &str, max_bytes: usize) -> (Vec<String>, Next) {
        let both = [1, 4096].map(|capacity| {
            let mut reader = std::io::BufReader::with_capacity(capacity, text.as_bytes());
            let mut elements = Elements::new(max_bytes);
            let mut found = Vec::new();
            loop {
                match elements.next(&mut reader).unwrap() {
                    Next::Element => {
                        found.push(String::from_utf8(elements.bytes().to_vec()).unwrap());
                    }
                    Next::TooLarge => found.push("TOO LARGE".to_owned()),
                    end => return (found, end),
                }
            }
        });
        assert_eq!(both[0], both[1], "{text}");
        let [one, _] = both;
        one
    }

    #[test]
    fn elements_end_at_commas_of_the_list() {
        let (found, end) = cut(r#" {"a":[1,2],"b":"],\"}"} , [3,4] ,"x\\",5 ]  "#, 100);
        assert_eq!(
            found,
            [r#"{"a":[1,2],"b":"],\"}"}"#, "[3,4]", r#""x\\""#, "5"]
        );
        assert_eq!(end, Next::End);
    }

    #[test]
    fn missing_elements_are_seen_and_empty_lists_have_none() {
        assert_eq!(cut(" ]", 9), (vec![], Next::End));
        assert_eq!(cut("1,]", 9).0, ["1", ""]);
        assert_eq!(cut(",1]", 9).0, ["", "1"]);
        assert_eq!(cut("1,2", 9).1, Next::Broken("the list does not end"));
        assert_eq!(cut("1]]", 9).1, Next::Broken("something follows the list"));
    }

    #[test]
    fn a_long_element_is_passed_over() {
        assert_eq!(
            cut("12345,123456,1   ,  12345    ]", 5).0,
            ["12345", "TOO LARGE", "1", "12345"]
        );
        // Within the limit the text may have blanks; behind it only blanks may follow.
        assert_eq!(cut("1   2,3]", 4).0, ["TOO LARGE", "3"]);
    }
}
