#![no_main]

// The reader turns a panic of the decoder into an error. libFuzzer's hook would end the process
// before it can; without the hook a panic of the property itself still ends it.
libfuzzer_sys::fuzz_target!(init: drop(std::panic::take_hook()), |data: &[u8]| {
    herdbook::fuzzing::parquet::check(data);
});
