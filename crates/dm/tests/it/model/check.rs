//! Texts against definitions: 7011 for the type, 7012 for everything else.

use dm::Code;

use super::model;

/// `ok` is the canonical form that is kept.
fn check(definition: &str, text: &str, expected: Result<&str, Code>) {
    let model = model(&format!("Device. object\nDevice.P param access=readWrite {definition}\n"));
    let object = model.object(dm::model::ObjectId(0));
    let found = object.params[0].check(text);
    let found = found.as_ref().map(|value| value.expose()).map_err(|fault| fault.code);
    assert_eq!(found.as_deref().map_err(|code| *code), expected, "{definition} {text:?}");
}

const TYPE: Result<&str, Code> = Err(Code::INVALID_TYPE);
const VALUE: Result<&str, Code> = Err(Code::INVALID_VALUE);

#[test]
fn types() {
    for (definition, text, expected) in [
        ("type=boolean", "1", Ok("true")),
        ("type=boolean", "yes", TYPE),
        ("type=int", "+012", Ok("12")),
        ("type=int", "2147483648", TYPE),
        ("type=unsignedInt", "-1", TYPE),
        ("type=unsignedLong", "18446744073709551615", Ok("18446744073709551615")),
        ("type=dateTime", "2021-06-06T08:00:00Z", Ok("2021-06-06T08:00:00Z")),
        ("type=dateTime", "yesterday", TYPE),
        ("type=hexBinary", "0g", TYPE),
        ("type=base64", "QQ=", TYPE),
        ("type=string", "", Ok("")),
    ] {
        check(definition, text, expected);
    }
}

#[test]
fn ranges() {
    for (definition, text, expected) in [
        ("type=unsignedInt range=64:65535", "64", Ok("64")),
        ("type=unsignedInt range=64:65535", "65535", Ok("65535")),
        ("type=unsignedInt range=64:65535", "63", VALUE),
        ("type=unsignedInt range=64:65535", "65536", VALUE),
        ("type=int range=-1:", "-1", Ok("-1")),
        ("type=int range=-1:", "-2", VALUE),
        ("type=int range=-1:-1,10:20", "-1", Ok("-1")),
        ("type=int range=-1:-1,10:20", "15", Ok("15")),
        ("type=int range=-1:-1,10:20", "5", VALUE),
        ("type=int range=-63500:63500/500", "-63000", Ok("-63000")),
        ("type=int range=-63500:63500/500", "100", VALUE),
        ("type=unsignedLong range=0:18446744073709551614", "18446744073709551615", VALUE),
    ] {
        check(definition, text, expected);
    }
}

/// What nobody sets begins with a value that could be set.
#[test]
fn what_a_parameter_begins_with_is_allowed() {
    for (definition, expected) in [
        ("type=unsignedInt", "0"),
        ("type=string size=1:8", ""),
        ("type=boolean", "false"),
        ("type=unsignedInt range=1:65535 default=object:443", "443"),
        ("type=unsignedInt range=1:65535", "1"),
        ("type=unsignedInt range=0:0,64:65535", "0"),
        ("type=int range=-20:-10,15:", "-10"),
        ("type=long range=:-5", "-5"),
        ("type=unsignedInt range=1:65535 default=object:70000", "65535"),
        ("type=unsignedInt range=1:9 list=0:", ""),
    ] {
        let model = model(&format!("Device. object\nDevice.P param access=readWrite {definition}\n"));
        let param = &model.object(dm::model::ObjectId(0)).params[0];
        assert_eq!(param.initial().expose(), expected, "{definition}");
    }
}

#[test]
fn lengths() {
    for (definition, text, expected) in [
        ("type=string size=0:3", "abc", Ok("abc")),
        ("type=string size=0:3", "abcd", VALUE),
        ("type=string size=0:3", "äöü", Ok("äöü")),
        ("type=string size=1:", "", VALUE),
        ("type=string size=0:0,5:5", "", Ok("")),
        ("type=string size=0:0,5:5", "abcde", Ok("abcde")),
        ("type=string size=0:0,5:5", "abc", VALUE),
        ("type=hexBinary size=2:2", "0a0B", Ok("0A0B")),
        ("type=hexBinary size=2:2", "0a0b0c", VALUE),
        ("type=base64 size=0:2", "QUI=", Ok("QUI=")),
        ("type=base64 size=0:2", "QUJD", VALUE),
    ] {
        check(definition, text, expected);
    }
}

#[test]
fn words_and_patterns() {
    for (definition, text, expected) in [
        ("type=string enum=Half,Full,Auto", "Full", Ok("Full")),
        ("type=string enum=Half,Full,Auto", "full", VALUE),
        ("type=string enum=Half,Full,Auto", "", VALUE),
        ("type=string enum=Up,Error:r", "Error", VALUE),
        ("type=string enum=Up,Off:x", "Off", VALUE),
        ("type=string enum=Up,Old:d", "Old", Ok("Old")),
        (r#"type=string pattern="[0-9A-F]{6}""#, "00D09E", Ok("00D09E")),
        (r#"type=string pattern="[0-9A-F]{6}""#, "00d09e", VALUE),
        (r#"type=string pattern="","[0-9A-F]{6}""#, "", Ok("")),
        (r#"type=string enum=Null pattern="[0-9]""#, "Null", Ok("Null")),
        (r#"type=string enum=Null pattern="[0-9]""#, "7", Ok("7")),
        (r#"type=string enum=Null pattern="[0-9]""#, "x", VALUE),
        (r#"type=string pattern="\\p{Lu}""#, "not judged", Ok("not judged")),
    ] {
        check(definition, text, expected);
    }
}

#[test]
fn lists() {
    for (definition, text, expected) in [
        ("type=unsignedInt list=0:", "", Ok("")),
        ("type=unsignedInt list=0:", "1, 02 ,3", Ok("1,2,3")),
        ("type=unsignedInt list=0:", "1,x", TYPE),
        ("type=unsignedInt list=1:", "", VALUE),
        ("type=unsignedInt list=0:2", "1,2,3", VALUE),
        ("type=unsignedInt list=0: range=1:9", "1,10", VALUE),
        ("type=string list=0: size=0:2", "ab,abc", VALUE),
        ("type=string list=0: listsize=0:5", "ab,cd", Ok("ab,cd")),
        ("type=string list=0: listsize=0:5", "ab,cd,e", VALUE),
        ("type=string list=0: enum=A,B", "A,B,A", Ok("A,B,A")),
        ("type=string list=0: enum=A,B", "A,C", VALUE),
        ("type=int list=0: inner=2:2", "[1,2],[03,4]", Ok("[1,2],[3,4]")),
        ("type=int list=0: inner=2:2", "[1,2,3]", VALUE),
        ("type=int list=0: inner=2:2", "1,2", TYPE),
        ("type=int list=0: inner=2:2", "[1,2],", TYPE),
        ("type=int list=0: inner=2:2", "[1,2", TYPE),
        ("type=int list=0: inner=2:2", "[1,2][3,4]", TYPE),
    ] {
        check(definition, text, expected);
    }
}

#[test]
fn references() {
    check("type=string size=1:64 ref=strong:row:Device.A.{i}.", "", Ok(""));
    check("type=string size=1:4 ref=strong:row:Device.A.{i}.", "Device.A.1", VALUE);
}

#[test]
fn a_secret_comes_back_masked_and_no_fault_quotes_it() {
    let model = model("Device. object\nDevice.P param access=readWrite secured type=string size=0:4\n");
    let param = &model.object(dm::model::ObjectId(0)).params[0];
    let value = param.check("hush").expect("allowed");
    assert!(value.is_secret());
    assert!(!format!("{value} {value:?}").contains("hush"));
    let fault = param.check("hush-hush").expect_err("too long");
    assert!(!fault.message.contains("hush"), "{}", fault.message);
}

#[test]
fn arguments_are_checked_like_parameters() {
    let model = model("Device. object\nDevice.Do() command\nDevice.Do() in N type=unsignedInt range=1:10\n");
    let arg = &model.object(dm::model::ObjectId(0)).commands[0].inputs[0];
    assert_eq!(arg.check("3").map(|value| value.to_string()).map_err(|fault| fault.code), Ok("3".to_owned()));
    assert_eq!(arg.check("0").map_err(|fault| fault.code), Err(Code::INVALID_VALUE));
    assert_eq!(arg.check("three").map_err(|fault| fault.code), Err(Code::INVALID_TYPE));
}
