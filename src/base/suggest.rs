//! Did-you-mean.

/// The candidate that a user most likely meant by `word`, if one is near enough.
pub fn closest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let lower = word.to_lowercase();
    let limit = (word.chars().count() / 3).max(1);
    candidates
        .into_iter()
        .map(|c| (strsim::damerau_levenshtein(&lower, &c.to_lowercase()), c))
        .filter(|(distance, c)| *distance <= limit && *distance < c.chars().count())
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, c)| c)
}

/// ``a``, ``b`` or ``c``, each in backticks.
pub fn sentence_list<'a>(words: impl IntoIterator<Item = &'a str>, last: &str) -> String {
    let words: Vec<String> = words.into_iter().map(|w| format!("`{w}`")).collect();
    match words.split_last() {
        None => String::new(),
        Some((only, [])) => only.clone(),
        Some((end, rest)) => format!("{} {last} {end}", rest.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_words_are_found() {
        assert_eq!(closest("db_instnace", ["db_instance", "environment"]), Some("db_instance"));
        assert_eq!(closest("zebra", ["db_instance", "environment"]), None);
    }

    #[test]
    fn lists_read_as_sentences() {
        assert_eq!(sentence_list(["a", "b", "c"], "or"), "`a`, `b` or `c`");
    }
}
