//! The sender's fuzz target (`fuzz/src/sender.rs`) with some thousand random inputs, without
//! libFuzzer.

#[path = "../fuzz/src/sender.rs"]
mod sender;

use proptest::prelude::*;

#[test]
fn all_goes_well() {
    for settings in 0..=255 {
        for ledger in [0, 128] {
            sender::check(&[settings, ledger + 20 + (settings & 96)]);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_server_makes_it_lose_a_message_or_send_one_twice(data in prop::collection::vec(any::<u8>(), 0..400)) {
        sender::check(&data);
    }

    /// Most events succeed, so that each run gets further.
    #[test]
    fn nor_does_one_that_fails_now_and_then(
        settings in any::<[u8; 2]>(),
        events in prop::collection::vec(prop_oneof![8 => 0..200u8, 1 => any::<u8>()], 0..600),
    ) {
        sender::check(&[&settings[..], &events].concat());
    }
}
