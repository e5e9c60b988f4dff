//! How text is drawn: width, colour, and which characters a terminal can show.

use std::io::IsTerminal;

/// Characters of a line without a terminal to ask.
const WIDTH: usize = 80;
/// A line is never thought narrower or wider.
const WIDTHS: std::ops::RangeInclusive<usize> = 60..=240;

/// How to draw.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Style {
    /// Characters of a line.
    pub width: usize,
    pub colour: bool,
    /// Whether other characters than ASCII can be shown.
    pub unicode: bool,
}

/// What a colour stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    Heading,
    Productive,
    Unproductive,
    Undefined,
    Collaboration,
    Quiet,
    Shift,
    Wrong,
}

impl Style {
    /// Of stdout: its width, colour unless NO_COLOR is set or it is no terminal, and UTF-8 by the
    /// locale's variables.
    pub fn of_terminal() -> Style {
        let terminal = std::io::stdout().is_terminal();
        let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let columns = || variable("COLUMNS").and_then(|columns| columns.parse().ok());
        let measured = terminal_size::terminal_size().map(|(width, _)| usize::from(width.0));
        let width = measured
            .filter(|_| terminal)
            .or_else(columns)
            .unwrap_or(WIDTH);
        let locale = ["LC_ALL", "LC_CTYPE", "LANG"]
            .into_iter()
            .find_map(variable);
        let utf8 = locale.is_some_and(|locale| {
            let locale = locale.to_lowercase();
            locale.contains("utf-8") || locale.contains("utf8")
        });
        Style {
            width: width.clamp(*WIDTHS.start(), *WIDTHS.end()),
            colour: terminal
                && variable("NO_COLOR").is_none()
                && variable("TERM").is_none_or(|term| term != "dumb"),
            unicode: utf8 || cfg!(windows),
        }
    }

    /// Text in a colour, where there is colour.
    pub fn paint(self, tone: Tone, text: &str) -> String {
        if !self.colour || text.trim().is_empty() {
            return text.to_owned();
        }
        let code = match tone {
            Tone::Heading => "1",
            Tone::Productive => "32",
            Tone::Unproductive => "31",
            Tone::Undefined => "33",
            Tone::Collaboration => "36",
            Tone::Quiet => "2",
            Tone::Shift => "35",
            Tone::Wrong => "1;31",
        };
        format!("\u{1b}[{code}m{text}\u{1b}[0m")
    }

    /// How full a cell is: nothing, or one of the heights.
    pub fn share(self, share: f64) -> char {
        let heights: &[char] = if self.unicode {
            &['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█']
        } else {
            &['.', '-', '+', '#']
        };
        if share <= 0.0 {
            return ' ';
        }
        let step = (share.min(1.0) * heights.len() as f64).ceil() as usize;
        heights.get(step.max(1) - 1).copied().unwrap_or('#')
    }

    /// A long line's piece.
    pub fn bar(self) -> char {
        if self.unicode { '─' } else { '=' }
    }

    /// Cut to so many characters and filled up; the cut is shown.
    pub fn fit(self, text: &str, width: usize) -> String {
        let cut = self.cut(text, width);
        let pad = width.saturating_sub(cut.chars().count());
        format!("{cut}{}", " ".repeat(pad))
    }

    /// Cut to so many characters; the cut is shown. Control characters become blanks, and where
    /// only ASCII can be shown, all else becomes a question mark.
    pub fn cut(self, text: &str, width: usize) -> String {
        let shown = |c: char| {
            if c.is_control() {
                ' '
            } else if self.unicode || c.is_ascii() {
                c
            } else {
                '?'
            }
        };
        if text.chars().count() <= width {
            return text.chars().map(shown).collect();
        }
        let mut out: String = text
            .chars()
            .take(width.saturating_sub(1))
            .map(shown)
            .collect();
        out.push(if self.unicode { '…' } else { '~' });
        out
    }
}

/// Breaks text at blanks into lines of so many characters, each after an indent.
pub fn wrapped(text: &str, width: usize, indent: &str) -> String {
    let mut out = String::new();
    let mut line = String::new();
    for word in text.split_whitespace() {
        let length = line.chars().count() + word.chars().count() + indent.chars().count();
        if !line.is_empty() && length + 1 > width {
            out.push_str(&format!("{indent}{line}\n"));
            line.clear();
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    if !line.is_empty() {
        out.push_str(&format!("{indent}{line}\n"));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: Style = Style {
        width: 80,
        colour: false,
        unicode: false,
    };

    #[test]
    fn shares_round_up_so_that_nothing_vanishes() {
        let rich = Style {
            unicode: true,
            ..PLAIN
        };
        assert_eq!(rich.share(0.0), ' ');
        assert_eq!(rich.share(0.001), '▁');
        assert_eq!(rich.share(1.0), '█');
        assert_eq!(PLAIN.share(0.5), '-');
        assert_eq!(PLAIN.share(0.51), '+');
    }

    #[test]
    fn text_fits() {
        assert_eq!(PLAIN.fit("abcdef", 4), "abc~");
        assert_eq!(PLAIN.fit("ab", 4), "ab  ");
        assert_eq!(PLAIN.fit("a\tä", 3), "a ?");
        assert_eq!(wrapped("a bb ccc", 6, " "), " a bb\n ccc\n");
    }

    #[test]
    fn colour_is_only_added_where_there_is_some() {
        assert_eq!(PLAIN.paint(Tone::Wrong, "x"), "x");
        let rich = Style {
            colour: true,
            ..PLAIN
        };
        assert_eq!(rich.paint(Tone::Wrong, "x"), "\u{1b}[1;31mx\u{1b}[0m");
        assert_eq!(rich.paint(Tone::Wrong, "  "), "  ");
    }
}
