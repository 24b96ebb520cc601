//! Commands of the server's own machine, where no server runs.

use crate::fake::run;

#[test]
fn a_token_stands_alone_on_its_line() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().to_str().expect("a plain name");
    let ran = run(&["token", "create", "--data", data, "--role", "owner"], &[], "");
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""));
    assert!(ran.stdout.starts_with("cusp_") && ran.stdout.lines().count() == 1, "{:?}", ran.stdout.len());
}

#[test]
fn an_enrolment_token_is_for_a_group_and_for_one_device_here_too() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().to_str().expect("a plain name");
    let token = |more: &[&str]| {
        let args = [&["enrol", "token", "--data", data], more].concat();
        run(&args, &[], "")
    };
    let ran = token(&["--group", "pilot", "--endpoint", "os::7"]);
    assert_eq!((ran.code, ran.stdout.lines().count()), (Some(0), 1), "{}", ran.stderr);
    // Both are looked at.
    let ran = token(&["--endpoint", "os::7", "--uses", "2"]);
    assert_eq!(ran.code, Some(1), "{}", ran.stderr);
    let ran = token(&["--group", ""]);
    assert_eq!(ran.code, Some(1), "{}", ran.stderr);
}

#[test]
fn a_folder_that_is_not_there_is_not_made() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("nowhere");
    let ran = run(&["audit", "verify", "--data", data.to_str().expect("a plain name")], &[], "");
    assert_eq!(ran.code, Some(1));
    assert!(!data.exists());
}

#[test]
fn the_audit_log_and_a_copy_of_a_store() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().to_str().expect("a plain name");
    let copy = folder.path().join("copy.db");
    let copy = copy.to_str().expect("a plain name");
    assert_eq!(run(&["token", "create", "--data", data, "--role", "viewer"], &[], "").code, Some(0));
    let ran = run(&["audit", "verify", "--data", data], &[], "");
    assert_eq!(
        (ran.code, ran.stdout.as_str()),
        (Some(0), "the audit log is whole: 1 rows\n"),
        "{}",
        ran.stderr
    );
    let ran = run(&["backup", copy, "--data", data], &[], "");
    assert_eq!((ran.code, ran.stdout), (Some(0), format!("wrote {copy}\n")), "{}", ran.stderr);
    assert_eq!(run(&["restore", copy, "--data", data], &[], "").code, Some(1), "a store is not overwritten");
    let fresh = folder.path().join("fresh");
    let fresh = fresh.to_str().expect("a plain name");
    let ran = run(&["restore", copy, "--data", fresh], &[], "");
    assert_eq!((ran.code, ran.stdout), (Some(0), format!("restored {fresh}\n")), "{}", ran.stderr);
}

#[test]
fn users_get_a_link() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().to_str().expect("a plain name");
    let ran = run(&["user", "add", "ann", "--role", "viewer", "--data", data], &[], "");
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert!(ran.stdout.starts_with("http://127.0.0.1:8080/sign-in?link="));
}

#[test]
fn a_configuration_is_checked_and_shown() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("cusp.toml");
    let name = file.to_str().expect("a plain name");
    let check = |text: &str, command: &str, code: i32, stdout: &str| {
        std::fs::write(&file, text).expect("it is written");
        let ran = run(&["config", command, "--config", name], &[], "");
        assert_eq!((ran.code, ran.stdout.as_str()), (Some(code), stdout), "{}", ran.stderr);
        ran.stderr
    };
    check("[http]\nlisten = \"127.0.0.1:1\"\n", "check", 0, "the configuration is sound\n");
    let told = check("[http]\nlissten = \"127.0.0.1:1\"\n", "check", 1, "");
    assert!(told.contains("lissten"), "{told}");
    let told = check("[http]\nlisten = \"0.0.0.0:1\"\n", "check", 1, "");
    assert!(told.contains("allow_plaintext"), "{told}");
}

#[test]
fn a_first_configuration_is_written_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let name = folder.path().to_str().expect("a plain name");
    assert_eq!(run(&["init", name], &[], "").code, Some(0));
    let file = folder.path().join("cusp.toml");
    let ran = run(&["config", "check", "--config", file.to_str().expect("a plain name")], &[], "");
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""));
    assert_eq!(run(&["init", name], &[], "").code, Some(1));
}
