//! Did-you-mean.

/// The candidate that a user most likely meant by `word`, if one is near enough.
pub fn closest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let lower = word.to_lowercase();
    let length = word.chars().count();
    let limit = (length / 3).max(1);
    // What is twice as long is nowhere near, and a whole file without a space would take long to compare.
    candidates
        .into_iter()
        .filter(|c| length < 2 * c.chars().count())
        .map(|c| (strsim::damerau_levenshtein(&lower, &c.to_lowercase()), c))
        .filter(|(distance, c)| *distance <= limit && *distance < c.chars().count())
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, c)| c)
}

/// The candidate whose words a longer word ends with, such as `class` for `DBInstanceClass` or `name` for `bucket_name`.
pub fn tail_of<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word = snake_case(word);
    let fits = |tail: &&str| {
        tail.len() > 2 && word.strip_suffix(*tail).is_some_and(|head| head.ends_with('_') && head.len() > 1)
    };
    candidates.into_iter().filter(fits).max_by_key(|tail| tail.len())
}

/// `DBInstanceClass` as `db_instance_class`.
pub fn snake_case(word: &str) -> String {
    let chars: Vec<char> = word.chars().collect();
    let mut out = String::with_capacity(word.len() + 4);
    for (at, c) in chars.iter().enumerate() {
        let before = at.checked_sub(1).and_then(|before| chars.get(before));
        let ends = before.is_some_and(|before| before.is_lowercase() || before.is_ascii_digit());
        let begins = before.is_some_and(|before| before.is_uppercase())
            && chars.get(at + 1).is_some_and(|next| next.is_lowercase());
        if c.is_uppercase() && (ends || begins) {
            out.push('_');
        }
        out.extend(c.to_lowercase());
    }
    out
}

/// As many characters of a word are compared with candidates.
const LONGEST: usize = 200;

/// The candidates that are most like a word, the most alike first.
pub fn most_alike<'a>(word: &str, mut candidates: Vec<&'a str>, most: usize) -> Vec<&'a str> {
    let start: String = word.chars().take(LONGEST).collect();
    let word = snake_case(&start);
    let likeness = |other: &str| (strsim::jaro_winkler(&word, other) * 1_000.0) as i64;
    candidates.sort_by_cached_key(|other| std::cmp::Reverse(likeness(other)));
    candidates.truncate(most);
    candidates
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
        assert_eq!(closest(&"x".repeat(10_000_000), ["db_instance", "environment"]), None);
    }

    #[test]
    fn the_end_of_a_long_word_is_found() {
        assert_eq!(tail_of("DBInstanceClass", ["class", "ass", "storage"]), Some("class"));
        assert_eq!(tail_of("db_subnet_group", ["group", "subnet_group"]), Some("subnet_group"));
        assert_eq!(tail_of("engine_mode", ["engine"]), None);
        assert_eq!(tail_of("_name", ["name"]), None);
        assert_eq!(snake_case("VPCId"), "vpc_id");
        assert_eq!(most_alike("hostName", vec!["arn", "host", "hostname"], 2), ["hostname", "host"]);
    }

    #[test]
    fn lists_read_as_sentences() {
        assert_eq!(sentence_list(["a", "b", "c"], "or"), "`a`, `b` or `c`");
    }
}
