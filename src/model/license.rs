//! License facts as the policy needs them: clause shapes, not prose.
