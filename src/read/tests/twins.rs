//! The same rows as JSONL, Parquet and Arrow read the same.

use ::parquet::basic::Compression as Codec;
use ::parquet::file::properties::WriterProperties;
use arrow_array::ArrayRef;
use arrow_array::Int64Array;
use arrow_array::ListArray;
use arrow_array::StringArray;
use arrow_array::StructArray;
use arrow_buffer::NullBuffer;
use arrow_buffer::OffsetBuffer;
use arrow_schema::DataType;
use arrow_schema::Field;
use proptest::prelude::*;

use super::containers::batch;
use super::containers::parquet_bytes;
use super::*;

#[derive(Debug, Clone)]
struct Row {
    id: i64,
    text: Option<String>,
    tags: Option<Vec<Option<String>>>,
    messages: Vec<(String, Option<String>)>,
}

fn word() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-zé🦙\"\\\\\n{}]{0,12}",
        Just("{\"a\": \"inside\", \"b\": [\"x\"]}".to_owned()),
        Just("a longer text that does not fit into a view".to_owned()),
    ]
}

fn row() -> impl Strategy<Value = Row> {
    let speaker = prop_oneof![
        Just("user".to_owned()),
        Just("assistant".to_owned()),
        word()
    ];
    (
        any::<i64>(),
        proptest::option::of(word()),
        proptest::option::of(proptest::collection::vec(
            proptest::option::of(word()),
            0..4,
        )),
        proptest::collection::vec((speaker, proptest::option::of(word())), 0..4),
    )
        .prop_map(|(id, text, tags, messages)| Row {
            id,
            text,
            tags,
            messages,
        })
}

fn as_jsonl(rows: &[Row]) -> String {
    let mut out = String::new();
    for row in rows {
        let messages: Vec<_> = row
            .messages
            .iter()
            .map(|(role, content)| serde_json::json!({"role": role, "content": content}))
            .collect();
        // Keys in the order of the columns below: `json!` would sort them.
        let value = |value: serde_json::Value| value.to_string();
        writeln!(
            out,
            "{{\"id\": {}, \"text\": {}, \"tags\": {}, \"messages\": [{}]}}",
            row.id,
            value(serde_json::json!(row.text)),
            value(serde_json::json!(row.tags)),
            messages
                .iter()
                .map(|m| format!("{{\"role\": {}, \"content\": {}}}", m["role"], m["content"]))
                .collect::<Vec<_>>()
                .join(", "),
        )
        .unwrap();
    }
    out
}

fn as_batch(rows: &[Row]) -> arrow_array::RecordBatch {
    let texts: StringArray = rows.iter().map(|row| row.text.as_deref()).collect();
    let tags: StringArray = rows
        .iter()
        .flat_map(|row| row.tags.iter().flatten())
        .map(Option::as_deref)
        .collect();
    let tag_lists = ListArray::new(
        Arc::new(Field::new("item", DataType::Utf8, true)),
        OffsetBuffer::from_lengths(rows.iter().map(|row| row.tags.as_ref().map_or(0, Vec::len))),
        Arc::new(tags),
        Some(
            rows.iter()
                .map(|row| row.tags.is_some())
                .collect::<NullBuffer>(),
        ),
    );
    let turns = || rows.iter().flat_map(|row| &row.messages);
    let roles: StringArray = turns().map(|(role, _)| Some(role)).collect();
    let contents: StringArray = turns().map(|(_, content)| content.as_deref()).collect();
    let chat = StructArray::from(vec![
        (
            Arc::new(Field::new("role", DataType::Utf8, true)),
            Arc::new(roles) as ArrayRef,
        ),
        (
            Arc::new(Field::new("content", DataType::Utf8, true)),
            Arc::new(contents) as ArrayRef,
        ),
    ]);
    let chats = ListArray::new(
        Arc::new(Field::new("item", chat.data_type().clone(), true)),
        OffsetBuffer::from_lengths(rows.iter().map(|row| row.messages.len())),
        Arc::new(chat),
        None,
    );
    batch(vec![
        (
            "id",
            Arc::new(rows.iter().map(|row| row.id).collect::<Int64Array>()),
        ),
        ("text", Arc::new(texts)),
        ("tags", Arc::new(tag_lists)),
        ("messages", Arc::new(chats)),
    ])
}

use arrow_array::Array as _;

proptest! {
    #[test]
    fn parquet_reads_like_its_jsonl(
        rows in proptest::collection::vec(row(), 1..40),
        group_rows in 1usize..50,
        dictionary in any::<bool>(),
    ) {
        let properties = WriterProperties::builder()
            .set_max_row_group_row_count(Some(group_rows))
            .set_dictionary_enabled(dictionary)
            .set_data_page_row_count_limit(7)
            .set_write_batch_size(7)
            .set_compression(if dictionary { Codec::SNAPPY } else { Codec::ZSTD(::parquet::basic::ZstdLevel::default()) })
            .build();
        let lines = read_bytes("a.jsonl", as_jsonl(&rows), &registering());
        let table = read_bytes("a.parquet", parquet_bytes(&as_batch(&rows), properties), &registering());
        prop_assert_eq!(lines.error(), "");
        prop_assert_eq!(table.error(), "");
        prop_assert_eq!(lines.roles, table.roles);
        prop_assert_eq!(lines.file.rows, table.file.rows);
        prop_assert!(lines.errors.is_empty() && table.errors.is_empty());
    }
}
