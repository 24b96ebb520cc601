//! `cusp login`, and where the server and the token of a command come from.

use std::io::{self, IsTerminal, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::Failure;
use super::http::{self, Client};
use crate::cli::{LoginArgs, ServerArgs};
use crate::output::{self, Output, list, text};
use crate::table::clean;

/// The longest password or token that is read.
const SECRET_BYTES: u64 = 4096;

/// A server, who we are there, and who vouches for it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Credentials {
    /// The server.
    pub(crate) url: String,
    /// The token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) token: Option<String>,
    /// PEM certificates.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) ca: Option<String>,
}

/// Options and environment first, then what `cusp login` stored.
pub(crate) fn access(server: &ServerArgs) -> Result<Credentials, Failure> {
    let stored = file().map(|path| load(&path)).transpose()?.flatten();
    let token = std::env::var("CUSP_TOKEN").ok().filter(|token| !token.is_empty());
    let ca = server.ca.as_deref().map(http::read_ca).transpose()?;
    choose(server.server_url.as_deref().filter(|url| !url.is_empty()), token, ca, stored)
}

/// A stored token is told to the server that it is for, and to no other.
fn choose(
    url: Option<&str>,
    token: Option<String>,
    ca: Option<String>,
    stored: Option<Credentials>,
) -> Result<Credentials, Failure> {
    let Some(url) = url else {
        let stored = stored.ok_or_else(|| {
            Failure::usage("which server? sign in with `cusp login URL`, or set CUSP_URL and CUSP_TOKEN")
        })?;
        return Ok(Credentials { url: stored.url, token: token.or(stored.token), ca: ca.or(stored.ca) });
    };
    let url = http::base(url)?;
    let own = stored.filter(|stored| stored.url == url);
    let (own_token, own_ca) = own.map_or((None, None), |own| (own.token, own.ca));
    Ok(Credentials { url, token: token.or(own_token), ca: ca.or(own_ca) })
}

/// `cusp login URL`.
pub(crate) fn run(out: &mut Output, server: &ServerArgs, args: &LoginArgs) -> Result<(), Failure> {
    let path = file().ok_or_else(|| Failure::new("neither XDG_CONFIG_HOME nor HOME is set"))?;
    let url = http::base(&args.address)?;
    let ca = server.ca.as_deref().map(http::read_ca).transpose()?;
    if url.starts_with("http://") && !is_loopback(&url) {
        output::note("warning: http:// sends passwords and tokens in the clear");
    }
    let mut credentials = Credentials { url, token: None, ca };
    let token = match (&args.user, std::env::var("CUSP_TOKEN")) {
        (Some(user), _) => {
            let client = Client::with(credentials.clone())?;
            client.sign_in(user, &secret("Password: ")?, args.role.as_deref())?
        }
        (None, Ok(token)) if !token.is_empty() => token,
        (None, _) => secret("Token: ")?,
    };
    credentials.token = Some(token);
    let me = Client::with(credentials.clone())?.get("/me", &[])?;
    save(&path, &credentials)?;
    let roles: Vec<&str> = list(&me, "roles").iter().filter_map(Value::as_str).collect();
    if out.json {
        return out.json(&json!({ "url": credentials.url, "user": text(&me, "user"), "roles": roles }));
    }
    out.line(&clean(&format!("{} as {} ({})", credentials.url, text(&me, "user"), roles.join(", "))))
}

fn is_loopback(url: &str) -> bool {
    let address = url.trim_start_matches("http://");
    ["127.", "localhost:", "localhost/", "[::1]"].iter().any(|own| address.starts_with(own))
        || address == "localhost"
}

/// A line of standard input; not echoed if it is a terminal.
fn secret(prompt: &str) -> Result<String, Failure> {
    let stdin = io::stdin();
    let mut line = String::new();
    if stdin.is_terminal() {
        write!(io::stderr(), "{prompt}")?;
        let echoing = rustix::termios::tcgetattr(&stdin).map_err(io::Error::from)?;
        let mut silent = echoing.clone();
        silent.local_modes.remove(rustix::termios::LocalModes::ECHO);
        let now = rustix::termios::OptionalActions::Now;
        rustix::termios::tcsetattr(&stdin, now, &silent).map_err(io::Error::from)?;
        let read = stdin.read_line(&mut line);
        rustix::termios::tcsetattr(&stdin, now, &echoing).map_err(io::Error::from)?;
        output::note("");
        read?;
    } else {
        stdin.lock().take(SECRET_BYTES).read_to_string(&mut line)?;
    }
    let secret = line.lines().next().unwrap_or_default().to_owned();
    if secret.is_empty() {
        return Err(Failure::usage("nothing was given to sign in with"));
    }
    Ok(secret)
}

/// Where credentials are kept.
fn file() -> Option<PathBuf> {
    let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let folder = variable("XDG_CONFIG_HOME").or_else(|| variable("HOME").map(|home| home.join(".config")))?;
    Some(folder.join("cusp").join("credentials.toml"))
}

fn load(path: &Path) -> Result<Option<Credentials>, Failure> {
    let wrong = |error: &dyn std::fmt::Display| {
        Failure::new(format!("cannot read {}", path.display())).with(error.to_string())
    };
    match std::fs::read_to_string(path) {
        // The parser's own message would quote the line with the token.
        Ok(text) => toml::from_str(&text).map(Some).map_err(|error| wrong(&error.message())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(wrong(&error)),
    }
}

/// For the owner's eyes alone, and whole or not at all.
fn save(path: &Path, credentials: &Credentials) -> Result<(), Failure> {
    let text = toml::to_string(credentials).map_err(|error| Failure::new(error.to_string()))?;
    let store = || -> io::Result<()> {
        let folder = path.parent().unwrap_or(Path::new("."));
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        let draft = path.with_extension(format!("{}.tmp", std::process::id()));
        let _ = std::fs::remove_file(&draft);
        let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        std::fs::rename(&draft, path)
    };
    store().map_err(|error| Failure::new(format!("cannot write {}", path.display())).with(error.to_string()))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::{Credentials, choose, is_loopback, load, save};

    fn stored() -> Credentials {
        Credentials {
            url: "https://a".to_owned(),
            token: Some("stored".to_owned()),
            ca: Some("pem".to_owned()),
        }
    }

    #[test]
    fn a_stored_token_is_for_its_server_alone() {
        let check =
            |url: Option<&str>, token: Option<&str>, known: bool, expected: Option<(&str, Option<&str>)>| {
                let chosen = choose(url, token.map(str::to_owned), None, known.then(stored));
                let chosen = chosen.ok().map(|it| (it.url, it.token));
                let expected = expected.map(|(url, token)| (url.to_owned(), token.map(str::to_owned)));
                assert_eq!(chosen, expected, "{url:?} {token:?} {known}");
            };
        check(None, None, false, None);
        check(None, None, true, Some(("https://a", Some("stored"))));
        check(None, Some("mine"), true, Some(("https://a", Some("mine"))));
        check(Some("https://a/"), None, true, Some(("https://a", Some("stored"))));
        check(Some("https://b"), None, true, Some(("https://b", None)));
        check(Some("https://b"), Some("mine"), false, Some(("https://b", Some("mine"))));
    }

    #[test]
    fn credentials_are_kept_for_their_owner_alone() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("cusp/credentials.toml");
        assert_eq!(load(&path).map(|it| it.is_none()), Ok(true));
        save(&path, &stored()).expect("it is written");
        save(&path, &stored()).expect("it is written again");
        let mode = std::fs::metadata(&path).expect("it is there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert!(load(&path) == Ok(Some(stored())));
    }

    #[test]
    fn some_addresses_stay_on_the_machine() {
        let check = |url: &str, expected: bool| assert_eq!(is_loopback(url), expected, "{url}");
        check("http://127.0.0.1:8080", true);
        check("http://localhost", true);
        check("http://[::1]:8080", true);
        check("http://localhost.example", false);
        check("http://192.0.2.1", false);
    }
}
