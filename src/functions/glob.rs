//! Globs over whole strings: `*` is any run, `?` is one character. No other character is special.

/// Whether `pattern` matches all of `text`. Both must already be in the same case.
///
/// Linear in practice and quadratic at worst: on a mismatch only the latest `*` gives way.
pub fn matches(pattern: &str, text: &str) -> bool {
    let (mut p, mut t) = (pattern, text);
    let mut retry: Option<(&str, &str)> = None;
    loop {
        let mut rest = p.chars();
        match (rest.next(), t.chars().next()) {
            (Some('*'), _) => {
                p = rest.as_str();
                retry = Some((p, t));
                continue;
            }
            (Some('?'), Some(c)) => {
                p = rest.as_str();
                t = &t[c.len_utf8()..];
                continue;
            }
            (Some(want), Some(have)) if want == have => {
                p = rest.as_str();
                t = &t[have.len_utf8()..];
                continue;
            }
            (None, None) => return true,
            _ => {}
        }
        match retry.take() {
            Some((after_star, from)) => match from.chars().next() {
                Some(skipped) => {
                    p = after_star;
                    t = &from[skipped.len_utf8()..];
                    retry = Some((after_star, t));
                }
                None => return false,
            },
            None => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn matches_whole_strings() {
        assert!(matches("*.example.com", "a.b.example.com"));
        assert!(!matches("*.example.com", "example.com"));
        assert!(matches("a?c", "aéc"));
        assert!(!matches("a?c", "ac"));
        assert!(matches("*a*b*", "xxaxxbxx"));
        assert!(!matches("*a*b", "xxaxxbxx"));
        assert!(matches("**", ""));
        assert!(matches("", ""));
        assert!(!matches("", "x"));
        assert!(matches("a*a*a*a", &"a".repeat(50)));
        assert!(!matches("a*a*a*b", &"a".repeat(50)));
    }
}
