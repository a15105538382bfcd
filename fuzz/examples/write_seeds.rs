//! Writes the seeds of every target to `seeds/`, where libFuzzer finds them.

use rsmtp_fuzz::{TARGETS, seeds};
use std::fs;
use std::path::Path;

fn main() {
    for (target, _) in TARGETS {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("seeds").join(target);
        fs::create_dir_all(&folder).expect("a folder for the seeds");
        for (number, seed) in seeds::of(target).iter().enumerate() {
            fs::write(folder.join(format!("{number:04}")), seed).expect("a seed");
        }
    }
}
