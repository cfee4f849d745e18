//! JSON that is indented for people, and written a line at a time.

use std::io;
use std::io::Write;

use serde::Serialize;
use serde_json::ser::Formatter;

/// The beginning of a line, with room for sixty levels; deeper ones are put together.
const LINE: &[u8; 121] = &{
    let mut line = [b' '; 121];
    line[0] = b'\n';
    line
};
/// Spaces of one level, as `serde_json` has them.
const INDENT: usize = 2;

/// Writes what `serde_json`'s own pretty printer writes, byte for byte: each beginning of a line at
/// once, where that one writes level by level, and from any level on.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Pretty {
    level: usize,
    filled: bool,
}

impl Pretty {
    /// For a value that stands so many levels deep.
    pub(crate) fn at(level: usize) -> Self {
        Self {
            level,
            filled: false,
        }
    }

    pub(crate) fn line<W: Write + ?Sized>(self, out: &mut W) -> io::Result<()> {
        let bytes = 1 + INDENT * self.level;
        if let Some(line) = LINE.get(..bytes) {
            return out.write_all(line);
        }
        out.write_all(LINE)?;
        out.write_all(&vec![b' '; bytes - LINE.len()])
    }

    fn begin<W: Write + ?Sized>(&mut self, out: &mut W, bracket: &[u8]) -> io::Result<()> {
        self.level += 1;
        self.filled = false;
        out.write_all(bracket)
    }

    fn end<W: Write + ?Sized>(&mut self, out: &mut W, bracket: &[u8]) -> io::Result<()> {
        self.level -= 1;
        if self.filled {
            self.line(out)?;
        }
        out.write_all(bracket)
    }

    fn item<W: Write + ?Sized>(self, out: &mut W, first: bool) -> io::Result<()> {
        if !first {
            out.write_all(b",")?;
        }
        self.line(out)
    }
}

impl Formatter for Pretty {
    fn begin_array<W: Write + ?Sized>(&mut self, out: &mut W) -> io::Result<()> {
        self.begin(out, b"[")
    }

    fn end_array<W: Write + ?Sized>(&mut self, out: &mut W) -> io::Result<()> {
        self.end(out, b"]")
    }

    fn begin_array_value<W: Write + ?Sized>(&mut self, out: &mut W, first: bool) -> io::Result<()> {
        self.item(out, first)
    }

    fn end_array_value<W: Write + ?Sized>(&mut self, _: &mut W) -> io::Result<()> {
        self.filled = true;
        Ok(())
    }

    fn begin_object<W: Write + ?Sized>(&mut self, out: &mut W) -> io::Result<()> {
        self.begin(out, b"{")
    }

    fn end_object<W: Write + ?Sized>(&mut self, out: &mut W) -> io::Result<()> {
        self.end(out, b"}")
    }

    fn begin_object_key<W: Write + ?Sized>(&mut self, out: &mut W, first: bool) -> io::Result<()> {
        self.item(out, first)
    }

    fn begin_object_value<W: Write + ?Sized>(&mut self, out: &mut W) -> io::Result<()> {
        out.write_all(b": ")
    }

    fn end_object_value<W: Write + ?Sized>(&mut self, _: &mut W) -> io::Result<()> {
        self.filled = true;
        Ok(())
    }
}

/// Writes a value that stands at this level.
pub(crate) fn write(
    out: &mut impl Write,
    value: &(impl Serialize + ?Sized),
    at: Pretty,
) -> io::Result<()> {
    value
        .serialize(&mut serde_json::Serializer::with_formatter(out, at))
        .map_err(io::Error::from)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;
    use serde_json::json;

    use super::*;

    fn values() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            "\\PC{0,4}".prop_map(Value::from),
        ];
        leaf.prop_recursive(6, 40, 4, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                proptest::collection::btree_map("[a-z]{0,2}", inner, 0..4)
                    .prop_map(Value::from_iter),
            ]
        })
    }

    fn written(value: &Value, level: usize) -> String {
        let mut out = Vec::new();
        write(&mut out, value, Pretty::at(level)).unwrap();
        String::from_utf8(out).unwrap()
    }

    proptest! {
        #[test]
        fn every_value_is_written_as_by_serde_json(value in values()) {
            let theirs = serde_json::to_string_pretty(&value).unwrap();
            prop_assert_eq!(&written(&value, 0), &theirs);
            // No string has a line break in JSON: what begins a line is indentation.
            prop_assert_eq!(written(&value, 3), theirs.replace('\n', "\n      "));
        }
    }

    #[test]
    fn a_value_deeper_than_the_prepared_line_is_indented_all_the_same() {
        let mut value = json!(1);
        for _ in 0..100 {
            value = json!([value]);
        }
        assert_eq!(
            written(&value, 0),
            serde_json::to_string_pretty(&value).unwrap()
        );
    }
}
