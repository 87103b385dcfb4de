//! Tests of injected faults.

use super::*;

fn triggered(faults: &mut Faults, calls: usize) -> String {
    (0..calls).map(|_| if faults.trigger("GetRoom", &[]).is_some() { 'x' } else { '.' }).collect()
}

fn pattern_of(fault: Fault, calls: usize) -> String {
    let mut faults = Faults::default();
    faults.add(fault);
    triggered(&mut faults, calls)
}

#[test]
fn a_fault_is_removed_when_it_is_used_up() {
    let mut faults = Faults::default();
    faults.add(Fault::block("GetRoom").times(2));
    assert_eq!(faults.trigger("GetChannel", &[]), None);
    assert_eq!(triggered(&mut faults, 3), "xx.");
    assert_eq!(faults.rules().count(), 0);
}

#[test]
fn a_fault_triggers_at_nth_every_nth_or_random_calls() {
    assert_eq!(pattern_of(Fault::hang("*").nth(3), 6), "..x...");
    assert_eq!(pattern_of(Fault::hang("*").nth(2).times(2), 6), ".xx...");
    assert_eq!(pattern_of(Fault::hang("*").every(3), 9), "..x..x..x");
    assert_eq!(pattern_of(Fault::hang("*").every(2).times(2), 6), ".x.x..");
    assert_eq!(pattern_of(Fault::hang("*").probability(0.0, 1), 50), ".".repeat(50));
    assert_eq!(pattern_of(Fault::hang("*").probability(1.0, 1), 50), "x".repeat(50));
    let half = pattern_of(Fault::hang("*").probability(0.5, 7), 1000);
    assert_eq!(half, pattern_of(Fault::hang("*").probability(0.5, 7), 1000));
    assert_ne!(half, pattern_of(Fault::hang("*").probability(0.5, 8), 1000));
    let hits = half.matches('x').count();
    assert!((400..600).contains(&hits), "{hits}");
}

#[test]
fn the_first_triggering_fault_applies_and_can_be_removed() {
    let mut faults = Faults::default();
    faults.add(Fault::hang("*").every(2));
    faults.add(Fault::block("GetRoom").times(5));
    assert_eq!(faults.trigger("GetRoom", &[]), Some(FaultKind::Block));
    assert_eq!(faults.trigger("GetRoom", &[]), Some(FaultKind::Hang));
    assert!(faults.remove(2) && !faults.remove(2));
    assert_eq!(triggered(&mut faults, 4), ".x.x");
}

#[test]
fn a_name_is_a_substring_or_a_pattern() {
    let fault = Fault::hang("*").named("todd");
    assert!(fault.matches("GetRoom", &["arn", "todd-2"]) && !fault.matches("GetRoom", &["arn"]));
    let fault = Fault::hang("*").named("todd*");
    assert!(fault.matches("GetRoom", &["todd-2"]) && !fault.matches("GetRoom", &["not-todd"]));
}

#[test]
fn faults_are_read_from_json() {
    let read = |json| serde_json::from_str::<Fault>(json);
    let fault = read(r#"{"operation": "CreateRoom", "kind": "execute-then-drop"}"#).expect("a rule");
    assert_eq!(fault, Fault::execute_then_drop("CreateRoom"));
    let json = r#"{"operation": "*", "times": 3, "name": "t*",
                   "kind": {"error": {"code": "ThrottlingException", "status": 429}}}"#;
    let fault = read(json).expect("a rule");
    assert_eq!(fault, Fault::error("*", 429, "ThrottlingException").times(3).named("t*"));
    let fault = read(r#"{"operation": "*", "kind": {"garbage": {"form": "wrong"}}}"#).expect("a rule");
    assert_eq!(fault, Fault::garbage("*", Garbage::Wrong));
    for invalid in [
        r#"{"operation": "*"}"#,
        r#"{"operation": "*", "kind": "explode"}"#,
        r#"{"operation": "*", "kind": {"late": {"after": "soon"}}}"#,
        r#"{"operation": "*", "kind": {"html": {"stauts": 404}}}"#,
        r#"{"operation": "*", "kind": "hang", "tmies": 2}"#,
    ] {
        assert!(read(invalid).is_err(), "{invalid}");
    }
}

#[test]
fn a_serialized_fault_deserializes_unchanged() {
    for fault in [
        Fault::throttle("*").probability(0.5, 3),
        Fault::html("*", 404).nth(2),
        Fault::late("*", std::time::Duration::from_millis(1500)),
        Fault::slow_body("*", std::time::Duration::from_secs(2)).every(2),
    ] {
        let json = serde_json::to_string(&fault).expect("JSON");
        assert_eq!(serde_json::from_str::<Fault>(&json).expect(&json), fault);
    }
}

#[test]
fn an_invalid_fault_is_rejected() {
    for fault in [
        Fault::hang("*").times(0),
        Fault::hang("*").nth(0),
        Fault::hang("*").every(0),
        Fault::hang("*").nth(1).every(2),
        Fault::hang("*").probability(1.5, 0),
        Fault::hang("MakeCoffee"),
        Fault::error("*", 200, "Fine"),
        Fault::html("*", 200),
        Fault::error("*", 500, "a\nb"),
        Fault { seed: Some(1), ..Fault::hang("*") },
    ] {
        assert!(fault.check().is_err(), "{fault:?}");
    }
}
