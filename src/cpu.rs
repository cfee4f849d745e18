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
