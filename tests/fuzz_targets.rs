//! Runs the fuzz targets of `fuzz/` over their seeds, over changed seeds and over random octets:
//! some thousand inputs, the same in every run. `make fuzz` is the long run.

#[path = "../fuzz/src/lib.rs"]
#[allow(dead_code, reason = "the targets' own programs need more of it")]
mod targets;

const INPUTS: usize = 4000;

#[test]
fn replies() {
    run("replies");
}

#[test]
fn session() {
    run("session");
}

#[test]
fn mail_data() {
    run("mail_data");
}

#[test]
fn addresses() {
    run("addresses");
}

#[test]
fn headers() {
    run("headers");
}

#[test]
fn sender() {
    run("sender");
}

/// Inputs that once failed.
#[test]
fn found_before() {
    // A 421 arrived while a RCPT was being sent.
    targets::session::check(
        b"\x01\x00220 m\x00\x00\x80e LMTP\r\n\xf6\x00\xf1\x02250 ok\r\n\xf6\x00250 o\x93\xf2\n\xf6\x00250 Y29ycmVjdC1or3JzZS1iYXR0ZXJ5\x00250 delivered\r\n\xf6\x00421 ttery\n\xf6\x00",
    );
}

fn run(target: &str) {
    let (_, check) = targets::TARGETS.into_iter().find(|(name, _)| *name == target).unwrap();
    let seeds = targets::seeds::of(target);
    assert!(seeds.len() > 5, "only {} seeds", seeds.len());
    let attempt = |input: &[u8]| {
        if let Err(panic) = std::panic::catch_unwind(|| check(input)) {
            eprintln!("{target} fails with b\"{}\"", input.escape_ascii());
            std::panic::resume_unwind(panic);
        }
    };
    seeds.iter().for_each(|seed| attempt(seed));
    let mut random = Random(0x005E_ED0F_A115);
    for _ in 0..INPUTS {
        attempt(&random.changed(&seeds));
    }
}

/// xorshift64 is not a good generator, but it always gives the same numbers.
struct Random(u64);

/// Octets that have a meaning for at least one target.
const TELLING: &[u8] = b"\r\n. -:;,<>@\"\\()[]=?0234579\x00\x01\x7f\xe9\xf0\xf1\xf2\xf4\xff";

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % limit.max(1) as u64) as usize
    }

    fn octet(&mut self) -> u8 {
        match self.below(3) {
            0 => self.below(256) as u8,
            _ => TELLING[self.below(TELLING.len())],
        }
    }

    /// A seed with some octets changed, inserted or removed, or two seeds joined.
    fn changed(&mut self, seeds: &[Vec<u8>]) -> Vec<u8> {
        let mut input = seeds[self.below(seeds.len())].clone();
        if self.below(4) == 0 {
            let other = &seeds[self.below(seeds.len())];
            input.truncate(self.below(input.len() + 1));
            input.extend_from_slice(&other[self.below(other.len() + 1)..]);
        }
        for _ in 0..self.below(12) {
            let at = self.below(input.len() + 1);
            match self.below(3) {
                0 if at < input.len() => input[at] = self.octet(),
                1 if at < input.len() => drop(input.remove(at)),
                _ => input.insert(at, self.octet()),
            }
        }
        input
    }
}
