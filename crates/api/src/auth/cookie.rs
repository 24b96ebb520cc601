//! The cookie of a signed-in browser.

use dm::UtcTime;
use http::{HeaderMap, HeaderValue, header};

use super::Secret;
use crate::duration;

const NAME: &str = "cusp_session";

/// The cookie that a request carries.
pub(super) fn of(headers: &HeaderMap) -> Option<&str> {
    let lines = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.split(';')).find_map(|pair| {
        let (name, value) = pair.trim().split_once('=')?;
        (name == NAME && !value.is_empty()).then_some(value)
    })
}

/// Sets the cookie of a login until it expires. Scripts can't read it, other sites can't send it, and
/// behind TLS it never travels without.
pub(crate) fn login_cookie(secret: &Secret, now: UtcTime, expires: UtcTime, tls: bool) -> HeaderValue {
    cookie(secret.expose(), duration::between(now, expires).as_secs(), tls)
}

/// Takes the cookie away.
pub(crate) fn cleared_cookie(tls: bool) -> HeaderValue {
    cookie("", 0, tls)
}

fn cookie(value: &str, max_age_seconds: u64, tls: bool) -> HeaderValue {
    let secure = if tls { "; Secure" } else { "" };
    let text =
        format!("{NAME}={value}; Path=/; HttpOnly; SameSite=Strict; Max-Age={max_age_seconds}{secure}");
    let mut cookie = HeaderValue::try_from(text).expect("base64url and digits are printable");
    cookie.set_sensitive(true);
    cookie
}

#[cfg(test)]
mod tests {
    use super::{cookie, of};
    use http::{HeaderMap, HeaderValue, header};

    #[test]
    fn the_cookie_is_found_among_others() {
        let check = |line: &'static str, expected: Option<&str>| {
            let mut headers = HeaderMap::new();
            headers.insert(header::COOKIE, HeaderValue::from_static(line));
            assert_eq!(of(&headers), expected, "{line}");
        };
        check("cusp_session=abc", Some("abc"));
        check("a=b; cusp_session=abc; c=d", Some("abc"));
        check("cusp_session=", None);
        check("xcusp_session=abc", None);
        check("cusp_session", None);
    }

    #[test]
    fn it_is_kept_from_scripts_and_other_sites() {
        assert_eq!(
            cookie("abc", 60, true),
            "cusp_session=abc; Path=/; HttpOnly; SameSite=Strict; Max-Age=60; Secure"
        );
        assert_eq!(cookie("", 0, false), "cusp_session=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0");
    }
}
