//! The attribute that ties a test to the requirement ids of a specification that it proves.
//!
//! `#[requirement("R-SET.2a", "R-SET.2")]` above a `#[test]` leaves the test as it is; `xtask
//! requirements` reads the ids from the source. At compile time the attribute only checks their form,
//! so that a slip in an id is an error and not a silent gap.
//!
//! ```compile_fail
//! #[requirement::requirement("SET.2a")]
//! fn without_the_leading_r() {}
//! ```
//!
//! ```compile_fail
//! #[requirement::requirement()]
//! fn without_an_id() {}
//! ```

use proc_macro::{TokenStream, TokenTree};

/// Names the requirements that the test below proves. See the crate documentation.
#[proc_macro_attribute]
pub fn requirement(ids: TokenStream, item: TokenStream) -> TokenStream {
    let mut any = false;
    for token in ids {
        match &token {
            TokenTree::Literal(id) if well_formed(&id.to_string()) => any = true,
            TokenTree::Punct(comma) if comma.as_char() == ',' => {}
            other => return error(&format!("not a requirement id such as \"R-SET.2a\": {other}")),
        }
    }
    if any { item } else { error("name at least one requirement id") }
}

/// `"R-<AREA>.<number…>"` in quotes.
fn well_formed(literal: &str) -> bool {
    let Some(id) = literal.strip_prefix("\"R-").and_then(|rest| rest.strip_suffix('"')) else { return false };
    let Some((area, number)) = id.split_once('.') else { return false };
    !area.is_empty()
        && area.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit())
        && number.bytes().next().is_some_and(|b| b.is_ascii_digit())
        && number.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'.')
}

/// `compile_error!` with this message. Debug form is how Rust writes a string literal.
fn error(message: &str) -> TokenStream {
    format!("compile_error!({message:?});")
        .parse()
        .expect("a macro call with one string literal always parses")
}

#[cfg(test)]
mod tests {
    use super::well_formed;

    #[test]
    fn forms() {
        for good in ["\"R-SET.2a\"", "\"R-E2E.32.1\"", "\"R-ARC.0\""] {
            assert!(well_formed(good), "{good}");
        }
        for bad in [
            "R-SET.2a",
            "\"SET.2a\"",
            "\"R-SET\"",
            "\"R-.2\"",
            "\"R-set.2\"",
            "\"R-SET.a\"",
            "\"R-SET.2 \"",
            "2",
        ] {
            assert!(!well_formed(bad), "{bad}");
        }
    }
}
