//! The permit to write: made in one place, by one function, taken by everything that acts.

/// Proof that somebody said `--write`, why, and meant it. Nothing outside this module can make one.
#[derive(Debug)]
pub struct Permit {
    actor: String,
    reason: String,
}

/// What was typed about writing.
#[derive(Debug, Clone, Copy)]
pub struct Wish<'a> {
    /// `--write`
    pub write: bool,
    /// `--yes`: a script has nobody to ask.
    pub yes: bool,
    /// `--reason`
    pub reason: Option<&'a str>,
    /// Who acts.
    pub actor: &'a str,
}

/// What a person said when asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// Go on.
    Yes,
    /// Or anything else.
    No,
    /// There is no terminal to ask at.
    NobodyThere,
}

/// Why there is no permit although `--write` was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// No reason was given.
    #[error("--write needs a reason for the journal: add --reason TEXT")]
    NoReason,
    /// The person said no.
    #[error("not confirmed; nothing was done")]
    NotConfirmed,
    /// There is nobody to confirm.
    #[error("there is no terminal to confirm at; a script says --yes")]
    NobodyThere,
}

impl Permit {
    /// A permit, where `--write` asks for one; `None` is a dry run. `ask` shows what is about to
    /// happen and is called at most once, and not with `--yes`.
    ///
    /// # Errors
    /// See [`Denied`].
    pub fn grant(wish: Wish<'_>, ask: impl FnOnce() -> Answer) -> Result<Option<Permit>, Denied> {
        if !wish.write {
            return Ok(None);
        }
        let reason = wish
            .reason
            .map(str::trim)
            .filter(|reason| !reason.is_empty());
        let reason = reason.ok_or(Denied::NoReason)?;
        let answer = if wish.yes { Answer::Yes } else { ask() };
        match answer {
            Answer::Yes => Ok(Some(Permit {
                actor: wish.actor.to_owned(),
                reason: reason.to_owned(),
            })),
            Answer::No => Err(Denied::NotConfirmed),
            Answer::NobodyThere => Err(Denied::NobodyThere),
        }
    }

    /// Who acts.
    pub fn actor(&self) -> &str {
        &self.actor
    }

    /// Why.
    pub fn reason(&self) -> &str {
        &self.reason
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_meant_write_with_a_reason_gets_one() {
        let wish = |write, yes, reason| Wish {
            write,
            yes,
            reason,
            actor: "ann",
        };
        let granted = |wish, answer| {
            let permit = Permit::grant(wish, || answer);
            permit.map(|permit| permit.map(|permit| permit.reason().to_owned()))
        };
        let why = Some("INC-1");
        for (wish, answer, expected) in [
            (wish(false, true, why), Answer::Yes, Ok(None)),
            (
                wish(true, false, why),
                Answer::Yes,
                Ok(Some("INC-1".to_owned())),
            ),
            (
                wish(true, true, why),
                Answer::NobodyThere,
                Ok(Some("INC-1".to_owned())),
            ),
            (
                wish(true, false, why),
                Answer::No,
                Err(Denied::NotConfirmed),
            ),
            (
                wish(true, false, why),
                Answer::NobodyThere,
                Err(Denied::NobodyThere),
            ),
            (wish(true, true, None), Answer::Yes, Err(Denied::NoReason)),
            (
                wish(true, true, Some(" ")),
                Answer::Yes,
                Err(Denied::NoReason),
            ),
        ] {
            assert_eq!(granted(wish, answer), expected, "{wish:?} {answer:?}");
        }
    }
}
