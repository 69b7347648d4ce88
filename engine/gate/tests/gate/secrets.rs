//! CRD-2: the secret of a call enters no trace, whatever a tool answers.

use proptest::prelude::*;
use rederive_gate::Fate;

use crate::world::{World, intent};

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// Spec: rule-crd-2.
    #[test]
    fn no_trace_holds_the_secret_of_a_call(secret in "[a-zA-Z0-9_-]{12,40}", before in ".{0,12}", after in ".{0,12}") {
        let world = World::new("secret");
        *world.wires.secret.lock().unwrap() = secret.clone().into_bytes();
        *world.wires.says.lock().unwrap() = Some((before, after));
        let answer = world.turn(0, 1);
        let fate = world.gate.call(intent("send", 0, 0, answer));
        let Fate::Returned(returned) = fate else { panic!("{fate:?}") };
        let holds = |bytes: &[u8]| bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
        prop_assert!(!holds(returned.content.bytes()));
        world.gate.flush().unwrap();
        prop_assert!(!holds(&world.bytes()) && !holds(&world.log_bytes()));
        prop_assert_eq!(world.wires.acted(), 1);
    }
}
