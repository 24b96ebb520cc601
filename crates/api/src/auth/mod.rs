//! Who is asking: cookies of signed-in browsers, API tokens, passwords, and the limits on guessing.
//!
//! Secrets are random and long, and only their hashes are stored; passwords are hashed by Argon2id. There
//! is no default password: the first person comes in by a link that works once.

mod accounts;
mod cookie;
mod logins;
mod password;
mod secret;
mod throttle;
mod who;

pub use accounts::{
    Minted, NewEnrolment, create_enrolment, create_link, create_token, create_user, ensure_owner,
};
pub use logins::{NewLogin, create_login};
pub use password::{PasswordCost, Passwords};
pub use secret::Secret;

pub(crate) use cookie::{cleared_cookie, login_cookie};
pub(crate) use password::check_rules;
pub(crate) use secret::random;
pub(crate) use throttle::{Key, Throttle};
pub(crate) use who::{Credential, Who, changes_state};
