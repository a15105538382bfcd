#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| rsmtp_fuzz::sender::check(data));
