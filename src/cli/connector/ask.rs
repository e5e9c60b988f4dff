//! What a command still needs to know: from a flag, else asked for on a terminal, else missing.
//!
//! Answers are read from plain stdin and checked at once. A secret is never asked for, only where
//! it is kept; what was typed in its place is not repeated.

use std::io::{BufRead, Write};

use crate::config::SecretRef;
use crate::config::integration::is_variable;
use crate::error::{Class, Error, Result};

/// Collects answers, and the flags that are missing where nobody can be asked.
pub struct Asker<'a> {
    /// `None` where nobody can be asked.
    terminal: Option<(&'a mut dyn BufRead, &'a mut dyn Write)>,
    missing: Vec<String>,
}

impl<'a> Asker<'a> {
    /// Asks on `terminal`, if there is one.
    pub fn new(terminal: Option<(&'a mut dyn BufRead, &'a mut dyn Write)>) -> Asker<'a> {
        Asker {
            terminal,
            missing: Vec::new(),
        }
    }

    /// Whether somebody can be asked.
    pub fn can_ask(&self) -> bool {
        self.terminal.is_some()
    }

    /// A value that must be given. `None` when it is missing; [`Asker::done`] tells.
    ///
    /// # Errors
    /// A flag's value that `check` refuses; no more input.
    pub fn needed<T>(
        &mut self,
        flag: &str,
        given: Option<&str>,
        question: &str,
        check: impl Fn(&str) -> std::result::Result<T, String>,
    ) -> Result<Option<T>> {
        if let Some(text) = given {
            return check(text.trim())
                .map(Some)
                .map_err(|allowed| refused(&format!("{flag} {text}"), &allowed));
        }
        if !self.can_ask() {
            self.missing.push(flag.to_owned());
            return Ok(None);
        }
        loop {
            match check(&self.answer(question)?) {
                Ok(value) => return Ok(Some(value)),
                Err(allowed) => self.say(&format!("  {allowed}\n"))?,
            }
        }
    }

    /// A value that may be left out; an empty answer leaves it out.
    ///
    /// # Errors
    /// As [`Asker::needed`].
    pub fn optional<T>(
        &mut self,
        flag: &str,
        given: Option<&str>,
        question: &str,
        check: impl Fn(&str) -> std::result::Result<T, String>,
    ) -> Result<Option<T>> {
        if given.is_none() && !self.can_ask() {
            return Ok(None);
        }
        self.needed(flag, given, question, |text| match text {
            "" => Ok(None),
            text => check(text).map(Some),
        })
        .map(Option::flatten)
    }

    /// Where a secret is kept.
    ///
    /// # Errors
    /// As [`Asker::needed`].
    pub fn secret(
        &mut self,
        flags: &str,
        given: Option<SecretRef>,
        what: &str,
    ) -> Result<Option<SecretRef>> {
        if let Some(reference) = given {
            if let SecretRef::Env(name) = &reference
                && !is_variable(name)
            {
                return Err(Error::new(
                    Class::Config,
                    format!(
                        "{flags}: the name of an environment variable belongs here (letters, \
                         digits and '_'), never the secret itself"
                    ),
                ));
            }
            return Ok(Some(reference));
        }
        let question = format!("{what} is kept in (env NAME, file PATH or credential NAME)");
        self.needed(flags, None, &question, reference)
    }

    /// Whether `words` were typed.
    ///
    /// # Errors
    /// No more input.
    pub fn confirmed(&mut self, question: &str, words: &str) -> Result<bool> {
        Ok(self.can_ask() && self.answer(question)? == words)
    }

    /// Says what is missing.
    ///
    /// # Errors
    /// When anything is.
    pub fn done(&self, command: &str) -> Result<()> {
        if self.missing.is_empty() {
            return Ok(());
        }
        Err(Error::new(
            Class::Config,
            format!(
                "{command} needs {} (on a terminal, what is missing is asked for)",
                self.missing.join(", ")
            ),
        ))
    }

    fn say(&mut self, text: &str) -> Result<()> {
        let Some((_, out)) = &mut self.terminal else {
            return Ok(());
        };
        out.write_all(text.as_bytes())
            .and_then(|()| out.flush())
            .map_err(|cause| Error::new(Class::Unavailable, format!("stderr: {cause}")))
    }

    fn answer(&mut self, question: &str) -> Result<String> {
        self.say(&format!("{question}: "))?;
        let mut line = String::new();
        let read = match &mut self.terminal {
            Some((input, _)) => input
                .read_line(&mut line)
                .map_err(|cause| Error::new(Class::Input, format!("stdin: {cause}")))?,
            None => 0,
        };
        if read == 0 {
            return Err(Error::new(
                Class::Config,
                "no answer: nothing was changed".to_owned(),
            ));
        }
        Ok(line.trim().to_owned())
    }
}

fn refused(what: &str, allowed: &str) -> Error {
    Error::new(Class::Config, format!("{what}: {allowed}"))
}

/// `env NAME`, `file PATH` or `credential NAME`.
fn reference(text: &str) -> std::result::Result<SecretRef, String> {
    let allowed = "answer env NAME, file PATH or credential NAME: the secret itself is never \
                   typed here";
    let (kind, place) = text
        .split_once(char::is_whitespace)
        .map_or((text, ""), |(kind, place)| (kind, place.trim()));
    match kind {
        "env" if is_variable(place) => Ok(SecretRef::Env(place.to_owned())),
        "file" if !place.is_empty() => Ok(SecretRef::File(place.into())),
        "credential" if !place.is_empty() && !place.starts_with('.') && !place.contains('/') => {
            Ok(SecretRef::Credential(place.to_owned()))
        }
        _ => Err(allowed.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(text: &str) -> std::result::Result<u8, String> {
        text.parse().map_err(|_| "a number is allowed".to_owned())
    }

    #[test]
    fn a_terminal_is_asked_until_the_answer_is_right() {
        let mut input: &[u8] = b"many\n 7 \n\nhunter2\nenv 1x\nenv GOOD\n";
        let mut out = Vec::new();
        let mut asker = Asker::new(Some((&mut input, &mut out)));
        assert_eq!(asker.needed("--n", None, "N", number).unwrap(), Some(7));
        assert_eq!(asker.optional("--m", None, "M", number).unwrap(), None);
        assert_eq!(
            asker.secret("--s-env", None, "The secret").unwrap(),
            Some(SecretRef::Env("GOOD".into()))
        );
        assert!(asker.needed("--n", None, "N", number).is_err());
        assert!(asker.done("add").is_ok());
        let said = String::from_utf8(out).unwrap();
        assert_eq!(said.matches("N: ").count(), 3, "{said}");
        assert!(said.contains("a number is allowed") && !said.contains("hunter2"));
    }

    #[test]
    fn without_a_terminal_all_that_is_missing_is_told_at_once() {
        let mut asker = Asker::new(None);
        assert_eq!(asker.needed("--n", None, "N", number).unwrap(), None);
        assert_eq!(asker.optional("--m", None, "M", number).unwrap(), None);
        assert_eq!(
            asker.secret("--s-env or --s-file", None, "S").unwrap(),
            None
        );
        assert!(!asker.confirmed("Sure?", "yes").unwrap());
        let error = asker.done("connector add").unwrap_err().to_string();
        assert!(error.contains("needs --n, --s-env or --s-file"), "{error}");
        let error = asker.needed("--n", Some("x"), "N", number).unwrap_err();
        assert!(error.to_string().contains("--n x: a number is allowed"));
        let literal = Some(SecretRef::Env("hunter2!".into()));
        let error = asker.secret("--s-env", literal, "S").unwrap_err();
        assert!(!error.to_string().contains("hunter2"));
    }
}
