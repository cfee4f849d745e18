//! Which vector instructions this machine has. Every kernel that uses them has a portable twin
//! with the same results, so that a fingerprint never depends on the machine.

use std::sync::OnceLock;

/// Names one of the sets below and turns the wider ones off: for measurements, and for a machine
/// whose wide vectors slow it down.
const VARIABLE: &str = "HERDBOOK_VECTORS";

/// A set of instructions that kernels are written for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Vectors {
    /// What every machine of the architecture has.
    Portable,
    /// 256 bits: AVX2 and BMI2.
    Avx2,
    /// 512 bits: AVX-512 F, BW, VL, VBMI and VBMI2.
    Avx512,
}

impl Vectors {
    /// The widest set that this machine has and `HERDBOOK_VECTORS` (`portable`, `avx2` or
    /// `avx512`) allows; found once. Another value of the variable is as good as none: it can
    /// change speed only.
    pub fn get() -> Self {
        static FOUND: OnceLock<Vectors> = OnceLock::new();
        *FOUND.get_or_init(|| {
            let allowed = match std::env::var(VARIABLE).as_deref() {
                Ok("portable") => Self::Portable,
                Ok("avx2") => Self::Avx2,
                Ok(_) | Err(_) => Self::Avx512,
            };
            Self::widest().min(allowed)
        })
    }

    /// The widest set that this machine has.
    pub fn widest() -> Self {
        #[cfg(target_arch = "x86_64")]
        {
            let avx512 = is_x86_feature_detected!("avx512f")
                && is_x86_feature_detected!("avx512bw")
                && is_x86_feature_detected!("avx512vl")
                && is_x86_feature_detected!("avx512vbmi")
                && is_x86_feature_detected!("avx512vbmi2");
            let avx2 = is_x86_feature_detected!("avx2") && is_x86_feature_detected!("bmi2");
            if avx512 && avx2 {
                return Self::Avx512;
            }
            if avx2 {
                return Self::Avx2;
            }
        }
        Self::Portable
    }

    /// Every set that this machine has, for tests that hold the kernels against each other.
    pub fn all() -> impl Iterator<Item = Self> {
        [Self::Portable, Self::Avx2, Self::Avx512]
            .into_iter()
            .filter(|set| *set <= Self::widest())
    }
}

/// For every set of eight things, the numbers of its members, lowest first and close together, a byte
/// each: what moves the members of a set to the front.
#[cfg(target_arch = "x86_64")]
pub(crate) static MEMBERS: [u64; 256] = {
    let mut table = [0; 256];
    let mut set = 0;
    while set < 256 {
        let (mut member, mut count) = (0, 0);
        while member < 8 {
            if set >> member & 1 == 1 {
                #[expect(clippy::indexing_slicing, reason = "evaluated while compiling")]
                {
                    table[set] |= member << (8 * count);
                }
                count += 1;
            }
            member += 1;
        }
        set += 1;
    }
    table
};

#[cfg(all(test, target_arch = "x86_64"))]
mod tests {
    use super::*;

    #[test]
    fn members_stand_in_order_at_the_front() {
        assert_eq!(MEMBERS[0b1001_0010].to_le_bytes(), [1, 4, 7, 0, 0, 0, 0, 0]);
        for (set, members) in MEMBERS.iter().enumerate() {
            let count = set.count_ones() as usize;
            let bytes = members.to_le_bytes();
            let (members, rest) = bytes.split_at(count);
            assert!(members.is_sorted_by(|a, b| a < b) && rest.iter().all(|byte| *byte == 0));
            let again = members.iter().fold(0, |again, member| again | 1 << member);
            assert_eq!(again, set);
        }
    }
}
