use super::*;

fn struck(faults: &mut Faults, calls: usize) -> String {
    (0..calls).map(|_| if faults.trigger("GetRoom", &[]).is_some() { 'x' } else { '.' }).collect()
}

fn one(fault: Fault, calls: usize) -> String {
    let mut faults = Faults::default();
    faults.add(fault);
    struck(&mut faults, calls)
}

#[test]
fn a_rule_is_used_up() {
    let mut faults = Faults::default();
    faults.add(Fault::block("GetRoom").times(2));
    assert_eq!(faults.trigger("GetChannel", &[]), None);
    assert_eq!(struck(&mut faults, 3), "xx.");
    assert_eq!(faults.rules().count(), 0);
}

#[test]
fn a_rule_strikes_the_nth_or_every_nth_or_by_chance() {
    assert_eq!(one(Fault::hang("*").nth(3), 6), "..x...");
    assert_eq!(one(Fault::hang("*").nth(2).times(2), 6), ".xx...");
    assert_eq!(one(Fault::hang("*").every(3), 9), "..x..x..x");
    assert_eq!(one(Fault::hang("*").every(2).times(2), 6), ".x.x..");
    assert_eq!(one(Fault::hang("*").probability(0.0, 1), 50), ".".repeat(50));
    assert_eq!(one(Fault::hang("*").probability(1.0, 1), 50), "x".repeat(50));
    let half = one(Fault::hang("*").probability(0.5, 7), 1000);
    assert_eq!(half, one(Fault::hang("*").probability(0.5, 7), 1000));
    assert_ne!(half, one(Fault::hang("*").probability(0.5, 8), 1000));
    let hits = half.matches('x').count();
    assert!((400..600).contains(&hits), "{hits}");
}

#[test]
fn the_first_rule_that_strikes_counts_and_one_can_be_lifted() {
    let mut faults = Faults::default();
    faults.add(Fault::hang("*").every(2));
    faults.add(Fault::block("GetRoom").times(5));
    assert_eq!(faults.trigger("GetRoom", &[]), Some(FaultKind::Block));
    assert_eq!(faults.trigger("GetRoom", &[]), Some(FaultKind::Hang));
    assert!(faults.remove(2) && !faults.remove(2));
    assert_eq!(struck(&mut faults, 4), ".x.x");
}

#[test]
fn a_name_is_a_part_or_a_pattern() {
    let fault = Fault::hang("*").named("todd");
    assert!(fault.is_about("GetRoom", &["arn", "todd-2"]) && !fault.is_about("GetRoom", &["arn"]));
    let fault = Fault::hang("*").named("todd*");
    assert!(fault.is_about("GetRoom", &["todd-2"]) && !fault.is_about("GetRoom", &["not-todd"]));
}

#[test]
fn rules_are_read_from_json() {
    let read = |json| serde_json::from_str::<Fault>(json);
    let fault = read(r#"{"operation": "CreateRoom", "kind": "execute-then-drop"}"#).expect("a rule");
    assert_eq!(fault, Fault::execute_then_drop("CreateRoom"));
    let json = r#"{"operation": "*", "times": 3, "name": "t*",
                   "kind": {"error": {"code": "ThrottlingException", "status": 429}}}"#;
    let fault = read(json).expect("a rule");
    assert_eq!(fault, Fault::error("*", 429, "ThrottlingException").times(3).named("t*"));
    let fault = read(r#"{"operation": "*", "kind": {"garbage": {"form": "wrong"}}}"#).expect("a rule");
    assert_eq!(fault, Fault::garbage("*", Garbage::Wrong));
    for wrong in [
        r#"{"operation": "*"}"#,
        r#"{"operation": "*", "kind": "explode"}"#,
        r#"{"operation": "*", "kind": {"late": {"after": "soon"}}}"#,
        r#"{"operation": "*", "kind": {"html": {"stauts": 404}}}"#,
        r#"{"operation": "*", "kind": "hang", "tmies": 2}"#,
    ] {
        assert!(read(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn a_rule_is_read_as_it_was_written() {
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
fn a_rule_that_makes_no_sense_is_refused() {
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
