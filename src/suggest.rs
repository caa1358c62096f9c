//! "Did you mean": the known word that a misspelt one is closest to.

/// The candidate that `word` most likely stands for, if one is close enough.
pub fn closest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let plain = normalize(word);
    let allowed = (plain.chars().count() / 3).clamp(1, 4);
    candidates
        .into_iter()
        .map(|candidate| {
            (
                strsim::damerau_levenshtein(&plain, &normalize(candidate)),
                candidate,
            )
        })
        .filter(|(distance, _)| *distance <= allowed)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// The question that offers `closest`, or else the words there are to choose from.
pub fn did_you_mean<'a>(
    word: &str,
    candidates: impl IntoIterator<Item = &'a str> + Clone,
) -> Option<String> {
    const SHOWN: usize = 24;
    let nearest = closest(word, candidates.clone());
    if let Some(candidate) = nearest.or_else(|| only_longer(word, candidates.clone())) {
        return Some(format!("did you mean `{candidate}`?"));
    }
    let words: Vec<&str> = candidates.into_iter().collect();
    match words.as_slice() {
        [] => None,
        [only] => Some(format!("the only one is `{only}`")),
        some if some.len() <= SHOWN => Some(format!("there are `{}`", some.join("`, `"))),
        _ => None,
    }
}

/// The only candidate of which `word` is the beginning.
fn only_longer<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    const LEAST: usize = 2;
    let plain = normalize(word);
    let mut longer = candidates
        .into_iter()
        .filter(|candidate| normalize(candidate).starts_with(&plain));
    let only = longer.next().filter(|_| plain.len() >= LEAST)?;
    longer.next().is_none().then_some(only)
}

/// `succeeds-` and `Succeeds` and `succeed_s` are one slip, not several; very long words are cut,
/// since comparing costs the product of the lengths.
fn normalize(word: &str) -> String {
    word.chars()
        .take(64)
        .map(|letter| {
            if letter == '_' {
                '-'
            } else {
                letter.to_ascii_lowercase()
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_finds_its_word_and_another_word_does_not() {
        let words = ["succeeds", "begins", "after"];
        for (typed, meant) in [
            ("suceeds", Some("succeeds")),
            ("Succeeds", Some("succeeds")),
            ("begin", Some("begins")),
            ("afetr", Some("after")),
            ("owner", None),
            ("", None),
        ] {
            assert_eq!(closest(typed, words), meant, "{typed}");
        }
    }

    #[test]
    fn without_a_likely_word_the_choice_is_listed() {
        assert_eq!(
            did_you_mean("x", ["alpha", "beta"]).as_deref(),
            Some("there are `alpha`, `beta`")
        );
        assert_eq!(
            did_you_mean("x", ["alpha"]).as_deref(),
            Some("the only one is `alpha`")
        );
        assert_eq!(did_you_mean("x", []), None);
        for (word, told) in [
            ("order", "did you mean `order-fulfilment`?"),
            ("pay", "there are `order-fulfilment`, `payment`, `payout`"),
        ] {
            let words = ["order-fulfilment", "payment", "payout"];
            assert_eq!(did_you_mean(word, words).as_deref(), Some(told));
        }
    }
}
