//! What a service asks of its Broker, and what it keeps of the answers.

use requirement::requirement;
use usp_endpoint::agent::registration::{Registration, RegistrationError};
use usp_proto::register::{DeregisterResp, DeregisteredPathResult, RegisterResp, RegisteredPathResult};
use usp_proto::{Body, ErrorBody, Msg, Request, Response};

const LAMP: &str = "Device.X_Lamp.";
const FAN: &str = "Device.X_Fan.";

fn standing(registration: &Registration) -> Vec<&str> {
    registration.standing().collect()
}

/// With both registered.
fn registered() -> Registration {
    let mut registration = Registration::default();
    registration.register("1", &[LAMP, FAN], false).unwrap();
    let registered_path_results = [LAMP, FAN].map(|path| RegisteredPathResult::ok(path, path)).to_vec();
    let answer = Response::RegisterResp(RegisterResp { registered_path_results });
    registration.answer(&Msg::response("1", answer)).unwrap();
    registration
}

#[requirement("R-REG.2")]
#[test]
fn only_paths_without_instances_are_registered() {
    for path in [LAMP, "Device.X_Lamp.Level", "Device.X_Lamp.Blink()", "Device.X_Lamp.Switched!"] {
        let msg = Registration::default().register("1", &[path], true).unwrap();
        let Body::Request(Request::Register(register)) = msg.body else { panic!("{:?}", msg.body) };
        assert!(register.allow_partial);
        assert_eq!(register.reg_paths[0].path, path);
    }
    for path in ["Device.X_Lamp.1.", "Device.X_Lamp.{i}.", "Device.X_Lamp.*.", "Device.X_Lamp.{i}.Level", ""]
    {
        let refused = Registration::default().register("1", &[LAMP, path], true);
        assert_eq!(refused.map(drop), Err(RegistrationError::Path(path.to_owned())));
    }
}

#[test]
fn what_the_broker_took_stands() {
    let mut registration = Registration::default();
    registration.register("1", &[LAMP, FAN], true).unwrap();
    let registered_path_results =
        vec![RegisteredPathResult::ok(LAMP, LAMP), RegisteredPathResult::failed(FAN, 7029, "taken")];
    let answer = Response::RegisterResp(RegisterResp { registered_path_results });
    assert_eq!(
        registration.answer(&Msg::response("other", answer.clone())),
        None,
        "it answers another request"
    );
    let verdicts = registration.answer(&Msg::response("1", answer.clone())).unwrap();
    assert_eq!(verdicts, [(LAMP.to_owned(), Ok(())), (FAN.to_owned(), Err((7029, "taken".to_owned())))]);
    assert_eq!(standing(&registration), [LAMP]);
    assert_eq!(registration.answer(&Msg::response("1", answer)), None, "it is answered");
    registration.register("2", &[FAN], false).unwrap();
    let verdicts = registration.answer(&Msg::error("2", ErrorBody::new(7028, "no"))).unwrap();
    assert_eq!(verdicts, [(FAN.to_owned(), Err((7028, "no".to_owned())))]);
    registration.lost();
    assert!(standing(&registration).is_empty());
}

#[requirement("R-DEREG.1", "R-DEREG.2", "R-DEREG.3")]
#[test]
fn what_stands_is_withdrawn_by_name_or_all_at_once() {
    let mut registration = registered();
    let stranger = registration.deregister("2", &[LAMP, "Device.X_Other."]);
    assert_eq!(stranger.map(drop), Err(RegistrationError::NotRegistered("Device.X_Other.".to_owned())));
    for (named, sent, withdrawn) in [
        (&[LAMP, FAN][..], &[LAMP, FAN][..], vec![vec![LAMP], vec![FAN]]),
        (&[], &[""], vec![vec![FAN, LAMP]]),
    ] {
        let mut registration = registered();
        let msg = registration.deregister("2", named).unwrap();
        let Body::Request(Request::Deregister(deregister)) = msg.body else { panic!("{:?}", msg.body) };
        assert_eq!(deregister.paths, sent);
        let texts = |paths: &Vec<&str>| paths.iter().map(|path| (*path).to_owned()).collect::<Vec<String>>();
        let results =
            sent.iter().zip(&withdrawn).map(|(path, gone)| DeregisteredPathResult::ok(*path, texts(gone)));
        let answer = DeregisterResp { deregistered_path_results: results.collect() };
        registration.answer(&Msg::response("2", Response::DeregisterResp(answer))).unwrap();
        assert!(standing(&registration).is_empty());
    }
}
