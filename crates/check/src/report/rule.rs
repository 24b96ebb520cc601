//! What a requirement of the standard says, in a sentence of ours.

const TABLE: &str = include_str!("../../../../docs/requirements.csv");

/// The requirement with this id.
pub(super) fn rule(id: &str) -> Option<String> {
    let row = TABLE.lines().find_map(|line| line.strip_prefix(id)?.strip_prefix(','))?;
    // Behind section, whom it binds, and whether it is in force; quoted if it has a comma.
    let text = row.splitn(4, ',').nth(3)?;
    let bare = text.strip_prefix('"').and_then(|text| text.strip_suffix('"'));
    Some(bare.map_or_else(|| text.to_owned(), |quoted| quoted.replace("\"\"", "\"")))
}

#[cfg(test)]
mod tests {
    use super::rule;

    #[test]
    fn texts_are_those_of_the_table() {
        assert_eq!(
            rule("R-MTP.5").as_deref(),
            Some(
                "Return USP Error for bad Records only when ids valid, payload is Request with msg_id, return path known."
            )
        );
        assert_eq!(rule("R-MQTT.1").as_deref(), Some("MQTT endpoints implement MQTT 5.0."));
        assert_eq!(rule("R-NOPE.1"), None);
        assert!(
            crate::checks::all().all(|check| rule(check.requirement()).is_some_and(|text| text.len() > 9))
        );
    }
}
