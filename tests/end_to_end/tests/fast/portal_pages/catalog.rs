//! Event types with their schemas, and code that verifies signatures.

use posthorn_end_to_end::Stack;
use serde_json::json;

use super::visitor::Visitor;

#[tokio::test]
async fn a_schema_is_a_tree_and_says_where_its_type_comes_from() {
    let stack = Stack::start().await;
    let acme = stack.account_speaking("acme", "filedgr").await;
    let schema = json!({
        "type": "object",
        "required": ["state"],
        "properties": {
            "state": { "enum": ["open", "paid"], "description": "How far it is." },
            "parts": { "type": "array", "items": { "$ref": "#/$defs/part" } },
        },
        "$defs": { "part": { "oneOf": [{ "type": "string" }, { "properties": { "deeper": { "$ref": "#/$defs/part" } } }] } },
    });
    let own = json!({ "name": "order.paid", "description": "Paid.", "schema": schema, "example": { "state": "paid" } });
    assert_eq!(acme.post("/v1/event-types", own).await.status, 201);
    let all = json!({ "name": "order.lost" });
    assert_eq!(stack.admin().post("/v1/event-types", all).await.status, 201);

    let visitor = Visitor::of(&stack, "acme").await;
    let list = visitor.page("/event-types").await;
    for said in [
        ">vault</h2>",
        ">order</h2>",
        "Yours alone",
        "For every account",
        "Part of Filedgr",
        "A new vault was created.",
    ] {
        assert!(list.contains(said), "{said}: {list}");
    }
    let page = visitor.page("/event-types/order.paid").await;
    for said in [
        "How far it is.",
        "required",
        "&quot;open&quot;",
        "each item",
        "one of these, 2",
        "the same again: part",
    ] {
        assert!(page.contains(said), "{said}: {page}");
    }
    visitor.page("/event-types/vault.created").await;
    visitor.missing("/event-types/none.such").await;
}

#[tokio::test]
async fn samples_are_filled_with_the_accounts_scheme() {
    let stack = Stack::start().await;
    let dialects = stack.admin().get("/v1/dialects").await;
    for dialect in dialects["data"].as_array().expect("a list") {
        let name = dialect["name"].as_str().expect("a name");
        stack.account_speaking(name, name).await;
        let visitor = Visitor::of(&stack, name).await;
        for language in ["node", "python", "go", "java", "rust", "ruby", "php"] {
            let page = visitor.page(&format!("/verify?in={language}")).await;
            let (_, sample) = page.split_once("id=\"sample\"").expect("a sample");
            let header = dialect["signatures"][0]["header"].as_str().expect("a header");
            assert!(sample.to_lowercase().contains(&header.to_lowercase()), "{sample}");
            // Only Standard Webhooks has keys of which one half is public.
            assert_eq!(sample.contains("<code>v1a,</code>"), name == "standard", "{sample}");
        }
    }
    let visitor = Visitor::of(&stack, "standard").await;
    assert!(visitor.page("/verify?in=cobol").await.contains("data-language=\"node\""));
}
