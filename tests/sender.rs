//! The sender's fuzz target (`fuzz/src/sender/`) with some thousand random inputs, without
//! libFuzzer.

#[path = "../fuzz/src/sender/mod.rs"]
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

/// Some recipients of a message are over the server's limit and have to wait, another was refused for now,
/// and nothing more may be sent: the ledger can't record an end.
#[test]
fn a_message_that_is_sent_in_parts_has_a_receipt_when_all_ends() {
    let mut data = [0; 205];
    for (at, event) in [(0, 72), (1, 194), (4, 176), (10, 234), (12, 220), (202, 1), (203, 30), (204, 30)] {
        data[at] = event;
    }
    sender::check(&data);
}

/// The first server takes content by BDAT. The second introduces itself alike, and reads it as commands.
#[test]
fn what_one_server_knows_another_behind_its_name_may_not() {
    let mut data = [0; 146];
    for (at, event) in [(0, 4), (1, 106), (4, 70), (32, 238), (35, 3)] {
        data[at] = event;
    }
    for at in [46, 51, 58, 63, 72] {
        data[at] = 214;
    }
    sender::check(&data);
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
