//! Drafts err to one side, and say why. Spec: registry, registry-draft.

use rederive_evidence::values::{EffectsClass, Sensitivity, Trust};
use serde_json::{Value, json};

use super::*;

fn tool(name: &str, description: &str, arguments: Value) -> Tool {
    let properties: serde_json::Map<String, Value> = arguments
        .as_array()
        .unwrap()
        .iter()
        .map(|argument| match argument.as_str() {
            Some(name) => (name.to_owned(), json!({"type": "string"})),
            None => (argument[0].as_str().unwrap().to_owned(), argument[1].clone()),
        })
        .collect();
    Tool {
        name: Id::new(name).unwrap(),
        version: None,
        description: description.to_owned(),
        schema: Some(json!({"type": "object", "properties": properties})),
        hints: Hints::default(),
        is_guessed: false,
    }
}

fn facts(tool: Tool) -> ToolFacts {
    infer(&[tool]).tools.into_values().next().unwrap().facts
}

fn class(name: &str, description: &str, arguments: Value) -> EffectsClass {
    facts(tool(name, description, arguments)).effects
}

#[test]
fn verbs_tell_the_class_wherever_a_name_has_them() {
    use EffectsClass::{Approve, Delete, Deploy, Execute, Purchase, Read, Send, Write};
    for (name, expected) in [
        ("get_order_status", Read),
        ("list_scheduled_payments", Read),
        ("searchIssues", Read),
        ("crm.contacts.find", Read),
        ("weather", Read),
        ("current_time", Read),
        ("view_order_history", Read),
        ("message_list", Read),
        ("create_ticket", Write),
        ("cart_add_item", Write),
        ("mcp__tracker__update_issue", Write),
        ("search_and_replace", Write),
        ("publishArticle", Send),
        ("post_update_to_feed", Send),
        ("email_customer", Send),
        ("report_incident", Send),
        ("remove_member", Delete),
        ("cancel_subscription", Delete),
        ("fetch_and_delete", Delete),
        ("deploy_service", Deploy),
        ("approve_request", Approve),
        ("buy_stock", Purchase),
        ("book_table", Purchase),
        ("place_order", Purchase),
        ("make_payment", Purchase),
        ("update_reservation_dates", Purchase),
        ("transfer_funds", Purchase),
        ("run_query", Execute),
        ("python_repl", Execute),
        ("frobnicate", Execute),
        // A verb in two words, and a noun that looks like one.
        ("check_in", Write),
        ("top_up_wallet", Purchase),
        ("deposit_check", Send),
        ("return_items", Write),
        ("log_out", Write),
        // What is made speaks to others, or is money; not what it is made for.
        ("add_issue_comment", Send),
        ("make_phone_call", Send),
        ("create_post", Send),
        ("create_message_draft", Write),
        ("add_label_to_message", Write),
        ("create_post_template", Write),
        ("place_bid", Purchase),
        ("validate_account", Write),
        ("create_refund", Purchase),
    ] {
        assert_eq!(class(name, "", json!([])), expected, "{name}");
    }
}

#[test]
fn descriptions_arguments_and_numbers_raise_what_a_name_understates() {
    use EffectsClass::{Execute, Purchase, Read, Send, Write};
    assert_eq!(class("frobnicate", "Returns the frobs.", json!([])), Read);
    assert_eq!(class("orders", "Retrieves past orders.", json!([])), Read);
    assert_eq!(class("return_items", "Returns the items of an order.", json!([])), Write);
    assert_eq!(class("inbox", "Sends what waits.", json!([])), Send);
    assert_eq!(class("get_ready", "Deletes all.", json!([])), EffectsClass::Delete);
    assert_eq!(class("create_event", "", json!(["title"])), Write);
    assert_eq!(class("create_event", "", json!(["title", "attendees"])), Send);
    assert_eq!(class("move_meeting", "Moves it. It will also notify everybody.", json!([])), Send);
    assert_eq!(class("transfer", "", json!(["to", ["amount", {"type": "number"}]])), Purchase);
    assert_eq!(class("transfer_call", "", json!(["number"])), Send);
    assert_eq!(class("arrange_transfer", "", json!(["to", ["total", {"type": "number"}]])), Purchase);
    assert_eq!(class("check_account", "", json!(["otp"])), Write);
    assert_eq!(class("update_settings", "", json!(["command"])), Execute);
    assert_eq!(class("list_aliases", "", json!(["command"])), Read);
}

#[test]
fn what_reads_and_does_more_is_no_read() {
    use EffectsClass::{Approve, Delete, Execute, Purchase, Send};
    for (name, description, arguments, expected) in [
        // A second verb in the name, also one that is a noun elsewhere.
        ("find_and_reserve_room", "", json!(["room"]), Purchase),
        ("search_and_book", "", json!(["hotel"]), Purchase),
        ("list_and_transfer", "", json!(["iban", "amount"]), Purchase),
        ("find_and_email", "", json!(["address", "subject", "body"]), Send),
        ("search_and_mail", "", json!(["to", "body"]), Send),
        ("check_and_order", "", json!(["sku", "quantity"]), Purchase),
        ("calculate_and_charge", "", json!(["card", "amount"]), Purchase),
        ("view_and_sign", "", json!(["document"]), Approve),
        ("lookup_guest_and_charge", "", json!(["room"]), Send),
        // A second verb in the description, or a first that the name does not have.
        ("find_hotel", "Finds the cheapest hotel and books it for the user.", json!(["city"]), Purchase),
        ("find_hotel", "Book the cheapest hotel.", json!(["city"]), Purchase),
        ("get_data", "Gets data and deletes it afterwards", json!(["key"]), Delete),
        ("get_data", "Get data. This will permanently delete the source.", json!(["key"]), Delete),
        ("read_queue", "Reads and removes the next message", json!(["queue"]), Delete),
        ("lookup_order", "Looks an order up and cancels it", json!(["id"]), Delete),
        ("list_accounts", "Lists accounts and transfers money", json!([]), Purchase),
        ("query_database", "Runs any SQL statement, including INSERT and DELETE", json!(["query"]), Execute),
        ("graphql_query", "Runs a GraphQL query or mutation", json!(["query"]), Execute),
        // What it is given.
        ("browse", "", json!(["url", "method", "body"]), Send),
        ("fetch", "", json!(["url", "method", "headers"]), Send),
        ("get_url", "", json!(["url", "data"]), Send),
        ("show_code", "", json!(["payee", "amount"]), Purchase),
        ("check_contact", "", json!(["email", "message"]), Send),
        ("get_items", "", json!(["folder", "delete"]), Delete),
        ("read_file", "", json!(["path", "truncate"]), Delete),
        ("lookup_order", "", json!(["id", "refund"]), Delete),
    ] {
        assert_eq!(class(name, description, arguments), expected, "{name} {description}");
    }
}

#[test]
fn a_noun_that_looks_like_a_verb_of_reading_makes_no_read_of_what_is_done_to_it() {
    use EffectsClass::{Approve, Delete, Execute, Purchase, Read, Send, Write};
    for (name, arguments, expected) in [
        // What a name ends with is done to what stands before it.
        ("estimate_send", json!(["estimate_id"]), Send),
        ("mailing_list_remove", json!(["list"]), Delete),
        ("list_member_add", json!(["list", "email"]), Send),
        ("computeInstancesDelete", json!(["name"]), Delete),
        ("visit_cancel", json!(["visit"]), Delete),
        ("monitor_create", json!(["query"]), Write),
        ("display_off", json!([]), Write),
        ("order_list_cancel", json!(["id"]), Purchase),
        ("search.index.rebuild", json!(["name"]), Write),
        ("find_replace", json!(["path"]), Write),
        // A noun that a tool may give back, and what is not known to be one.
        ("price_override", json!(["sku", "value"]), Write),
        ("date_loeschen", json!(["id"]), Execute),
        ("time_entry_new", json!(["hours"]), Write),
        ("clock_in", json!(["employee"]), Write),
        ("help_desk_escalation", json!(["id"]), Send),
        ("tweak_profile", json!(["id"]), Execute),
        ("monitor.alerts.quench", json!(["id"]), Execute),
        ("balance_adjustment", json!(["account"]), Purchase),
        ("account_closure", json!(["account"]), Write),
        // What hangs on what it is done to.
        ("convert_lead", json!(["id"]), Write),
        ("convert_currency", json!(["from", "to"]), Read),
        ("tickets.resolve", json!(["id"]), Write),
        ("resolve_dns", json!(["host"]), Read),
        ("ping_user", json!(["user"]), Send),
        ("ping", json!(["x"]), Read),
        ("snapshot_volume", json!(["id"]), Write),
        ("browser_snapshot", json!([]), Read),
        ("select_seat", json!(["seat"]), Write),
        // A database is changed in the language in which it is asked.
        ("db_query", json!(["query"]), Execute),
        ("warehouse.query", json!(["statement"]), Execute),
        ("query_orders", json!(["query"]), Read),
        // Who may do what.
        ("repo.collaborator.add", json!(["repo", "username"]), Approve),
        ("ssh_key_add", json!(["title", "key"]), Approve),
        ("repo_update", json!(["repo", ["private", {"type": "boolean"}]]), Approve),
        ("users_settings_put", json!(["user", ["two_factor", {"type": "boolean"}]]), Approve),
        ("create_repo", json!(["repo", ["private", {"type": "boolean"}]]), Write),
        ("list_permissions", json!([]), Read),
        ("team_member_add", json!(["team", "username"]), Send),
        ("add_task_to_project", json!(["task", "project"]), Write),
        ("add_user_to_channel", json!(["user", "channel"]), Write),
        // And nouns stay nouns.
        ("get_refund", json!(["id"]), Read),
        ("list_posts", json!([]), Read),
        ("list_share_links", json!([]), Read),
        ("account_balance", json!(["account"]), Read),
        ("current_weather", json!(["city"]), Read),
    ] {
        assert_eq!(class(name, "", arguments), expected, "{name}");
    }
}

#[test]
fn a_description_raises_however_its_first_verb_is_dressed_and_in_every_sentence() {
    use EffectsClass::{Approve, Delete, Purchase, Read, Write};
    for (name, description, expected) in [
        ("get_ready", "Permanently deletes everything.", Delete),
        ("find_slot", "Quickly reserves the first free slot.", Purchase),
        ("orders_tool", "Tool for cancelling orders.", Delete),
        ("concierge", "Helps you book restaurants.", Purchase),
        ("view_as", "Impersonates another user.", Approve),
        ("balance", "Moves money between accounts.", Purchase),
        ("get_quote", "Get a quote and place the order immediately.", Purchase),
        ("get_file", "Reads a file. Deletes the original.", Delete),
        ("gadget", "Status change of an order.", EffectsClass::Execute),
        ("gadget", "Status of an order.", Read),
        ("resolve_library", "Resolves a library's name to its address.", Read),
        // What is said to whom uses it, and plurals.
        ("get_file", "Reads a file. Set `limit` to read less. Updates are seen at once.", Read),
        ("check_task", "Ticks a task off.", Write),
    ] {
        assert_eq!(class(name, description, json!([])), expected, "{name} {description}");
    }
    let read_only = Hints { read_only: Some(true), ..Hints::default() };
    for (name, expected) in [("account_closure", Write), ("payment_initiation", Purchase)] {
        let facts = facts(Tool { hints: read_only, ..tool(name, "", json!([])) });
        assert_eq!(facts.effects, expected, "{name}: its hint is not believed");
    }
}

#[test]
fn what_is_said_or_given_to_get_a_thing_for_money_or_to_act_makes_it_no_read() {
    use EffectsClass::{Approve, Delete, Deploy, Purchase, Send, Write};
    for (name, description, arguments, expected) in [
        // What a description opens with, or has behind `and`.
        ("get_groceries", "Order groceries to be delivered.", json!(["list"]), Purchase),
        ("get_lunch", "Order lunch.", json!(["dish"]), Purchase),
        ("get_tickets", "Book tickets with what is given.", json!(["event"]), Purchase),
        ("get_insurance", "Take out an insurance policy.", json!(["plan"]), Purchase),
        ("get_loan", "Takes out a loan.", json!([]), Purchase),
        ("list_item", "List an item for sale on the marketplace.", json!(["item"]), Purchase),
        ("show_interest", "Tell the seller that you are interested.", json!(["listing"]), Send),
        ("find_phone", "Ring the phone.", json!(["device"]), Send),
        ("monitor", "Start monitoring a host.", json!(["host"]), Write),
        ("check_config", "Check the config and fix what is wrong.", json!(["path"]), Write),
        ("check_sink", "Fix a sink.", json!([]), Write),
        ("view_campaign", "Launch ads of a campaign.", json!([]), Deploy),
        // What pays, posts, or is brought.
        ("get_ticket", "", json!(["event", "card_number"]), Purchase),
        ("get_subscription", "", json!(["plan", "payment_method"]), Purchase),
        ("get_refund", "", json!(["order_id", "iban"]), Purchase),
        ("get_loan", "", json!(["amount", "account"]), Purchase),
        ("retrieve_cash", "", json!(["amount"]), Purchase),
        ("get_taxi", "", json!(["to", "tip"]), Purchase),
        ("list_on_ebay", "", json!(["item", "price"]), Purchase),
        ("view_lot", "", json!(["lot", "bid"]), Purchase),
        ("fetch_groceries", "", json!(["items", "address"]), Purchase),
        ("show_interest", "", json!(["listing_id", "message"]), Send),
        ("get_signature", "", json!(["email", "document"]), Send),
        // What a name ends with or says in several words.
        ("monitor_start", "", json!(["host"]), Write),
        ("view_refresh", "", json!(["view"]), Write),
        ("search_ads_launch", "", json!(["budget"]), Deploy),
        ("find_my_phone_ring", "", json!(["device"]), Send),
        ("check_and_fix", "", json!(["path"]), Write),
        ("get_rid_of", "", json!(["item"]), Delete),
        ("count_me_in", "", json!(["event"]), Approve),
        ("list_item_for_sale", "", json!(["item"]), Purchase),
    ] {
        assert_eq!(class(name, description, arguments), expected, "{name} {description}");
    }
}

#[test]
fn what_pays_elsewhere_is_what_a_read_looks_for_or_works_with() {
    for (name, description, arguments) in [
        ("search_products", "", json!(["item", "price", "budget"])),
        ("list_products", "", json!(["item", "max_price"])),
        ("list_hotels", "", json!(["city", "price_range", "budget"])),
        ("get_shipping_cost", "", json!(["items", "address"])),
        ("get_delivery_quote", "", json!(["items", "address"])),
        ("calculate_tip", "", json!(["bill", "tip"])),
        ("get_card_limit", "", json!(["card_number"])),
        ("get_balance", "", json!(["iban", "date"])),
        ("check_iban", "", json!(["iban"])),
        ("list_transactions", "", json!(["account", "amount"])),
        ("list_orders", "", json!(["customer", "payment_method"])),
        ("get_exchange_rate", "", json!(["amount", "account"])),
        ("convert_currency", "", json!(["amount", "account"])),
        ("search_messages", "", json!(["channel_id", "text"])),
        ("get_message", "", json!(["channel_id", "message_id"])),
        ("get_feedback", "", json!(["product"])),
        ("get_launch", "", json!(["id"])),
        ("show_ring", "", json!(["id"])),
        ("get_range_start", "", json!(["id"])),
        ("list_items_for_sale", "Lists the items for sale in a shop.", json!(["shop"])),
        ("get_order", "Order details.", json!(["id"])),
        ("get_invoice", "Order number and lines of an invoice.", json!(["id"])),
        ("search_titles", "Book titles by an author.", json!(["author"])),
        ("get_depth", "Order book of a symbol.", json!(["symbol"])),
        ("get_time", "Tells the time.", json!([])),
        ("get_port", "Tell whether a port is open.", json!(["port"])),
        ("get_weather", "Tells you the weather.", json!(["city"])),
        ("view_item", "Show an item that is for sale.", json!(["id"])),
        ("list_bugs", "Get bugs and fixes of a release.", json!(["release"])),
        ("get_changes", "Start of a range and what changed.", json!(["range"])),
        ("get_launches", "Launch dates of rockets.", json!([])),
    ] {
        assert_eq!(class(name, description, arguments), EffectsClass::Read, "{name} {description}");
    }
}

#[test]
fn what_only_reads_is_a_read_whatever_nouns_it_is_told_with() {
    for (name, description, arguments) in [
        ("get_name_and_email", "", json!(["id"])),
        ("get_date_and_time", "Returns the date and time.", json!([])),
        ("list_posts", "Lists posts and comments of a page.", json!(["page"])),
        ("get_package", "Shows the downloads and updates of a package.", json!(["name"])),
        ("find_user", "Finds a user and returns it.", json!(["name"])),
        ("read_file", "Reads a file. It does not change or delete it.", json!(["path"])),
        ("search_web", "Run a search on the web and return the results.", json!(["query"])),
        ("get_weather", "Call the weather service.", json!(["city"])),
        ("get_orders", "Orders of a customer.", json!(["customer"])),
        ("search_emails", "", json!(["from", "to", "subject", "body"])),
        ("search_transactions", "", json!(["recipient", "min_amount", "max_amount"])),
        ("convert_currency", "", json!([["amount", {"type": "number"}], "to"])),
        ("translate", "Translates a text.", json!(["text", "to"])),
        ("fetch", "Fetches a URL and converts it to text.", json!(["url", "max_length"])),
    ] {
        assert_eq!(class(name, description, arguments), EffectsClass::Read, "{name} {description}");
    }
}

#[test]
fn hints_settle_what_is_open_and_raise_and_never_lower_what_a_verb_tells() {
    let hinted = |name: &str, hints| facts(Tool { hints, ..tool(name, "", json!([])) });
    let read_only = Hints { read_only: Some(true), ..Hints::default() };
    let destructive = Hints { destructive: Some(true), read_only: Some(false), ..Hints::default() };
    assert_eq!(hinted("frobnicate", read_only).effects, EffectsClass::Read);
    assert_eq!(hinted("delete_all", read_only).effects, EffectsClass::Delete);
    assert_eq!(hinted("frobnicate", destructive).effects, EffectsClass::Delete);
    assert_eq!(hinted("update_all", destructive).effects, EffectsClass::Delete);
    let entry = &infer(&[Tool { hints: read_only, ..tool("delete_all", "", json!([])) }]).tools;
    let reason = &entry.values().next().unwrap().reasons["effects"];
    assert_eq!(reason, "verb `delete` in the name; its hint `readOnlyHint` is not believed");
    let closed = Hints { open_world: Some(false), ..Hints::default() };
    assert_eq!(hinted("get_settings", closed).result.trust, Trust::Internal);
    assert_eq!(hinted("get_settings", Hints::default()).result.trust, Trust::External);
    assert_eq!(hinted("get_messages", closed).result.trust, Trust::External);
}

#[test]
fn arguments_have_the_roles_that_their_names_formats_and_tools_give_them() {
    use ArgumentRole::{Amount, Content, Destination, Other};
    let number = json!({"type": "number"});
    for (name, arguments, expected) in [
        (
            "send_message",
            json!(["to", "cc", "body", "message_id", "from", "urgent"]),
            vec![
                ("to", Destination),
                ("cc", Destination),
                ("body", Content),
                ("message_id", Other),
                ("from", Other),
            ],
        ),
        (
            "pay_bill",
            json!(["iban", ["amount", number], "reference", "source_account", ["units", number]]),
            vec![("iban", Destination), ("amount", Amount), ("source_account", Other), ("units", Amount)],
        ),
        (
            "book_seat",
            json!(["payment_id", "payment_methods", "payment"]),
            vec![("payment_id", Other), ("payment_methods", Other), ("payment", Amount)],
        ),
        ("post_to_room", json!(["room_id", "text"]), vec![("room_id", Destination), ("text", Content)]),
        ("fetch_page", json!(["url", ["timeout", number]]), vec![("url", Destination), ("timeout", Other)]),
        ("get_user", json!(["email", "user_id"]), vec![("email", Other), ("user_id", Other)]),
        ("write_file", json!(["path", "content"]), vec![("path", Destination), ("content", Content)]),
        ("delete_file", json!(["path"]), vec![("path", Other)]),
        ("add_user_to_team", json!(["user", "team"]), vec![("user", Destination), ("team", Destination)]),
        (
            "share_document",
            json!(["doc_id", ["who", {"type": "string", "format": "email"}]]),
            vec![("doc_id", Other), ("who", Destination)],
        ),
        ("send_alert", json!([["channel", {"enum": ["a", "b"]}]]), vec![("channel", Other)]),
    ] {
        let facts = facts(tool(name, "", arguments));
        for (argument, role) in expected {
            assert_eq!(facts.role(&format!("/{argument}")), role, "{name} {argument}");
        }
    }
}

#[test]
fn who_is_sent_a_copy_of_what_is_read_is_a_destination() {
    for argument in [
        "forward_to",
        "forwardTo",
        "send_copy_to",
        "bcc",
        "cc",
        "share_with",
        "notify",
        "webhook",
        "callback",
        "recipient",
        "recipients",
        "deliver_to",
        "reply_to",
    ] {
        let facts = facts(tool("get_messages", "", json!([argument, "folder", "from", "related_to"])));
        assert_eq!(facts.effects, EffectsClass::Read, "{argument}");
        assert_eq!(facts.role(&format!("/{argument}")), ArgumentRole::Destination, "{argument}");
        for other in ["folder", "from", "related_to"] {
            assert_eq!(facts.role(&format!("/{other}")), ArgumentRole::Other, "{other}");
        }
    }
    let shares = json!([["share", {"type": "boolean"}], "with"]);
    assert_eq!(facts(tool("get_report", "", shares)).role("/with"), ArgumentRole::Destination);
    assert_eq!(facts(tool("get_report", "", json!(["with"]))).role("/with"), ArgumentRole::Other);
}

#[test]
fn arguments_are_found_in_lists_alternatives_and_references() {
    let schema = json!({
        "type": "object",
        "properties": {
            "messages": {"type": "array", "items": {"$ref": "#/$defs/message"}},
            "maybe": {"anyOf": [{"type": "null"}, {"type": "object", "properties": {"webhook": {"type": "string"}}}]},
        },
        "$defs": {"message": {"type": "object", "properties": {"recipient": {"type": "string"}, "loop": {"$ref": "#/$defs/message"}}}},
    });
    let facts = facts(Tool { schema: Some(schema), ..tool("send_batch", "", json!([])) });
    assert_eq!(facts.role("/maybe/webhook"), ArgumentRole::Destination);
    // A list of messages is content; who gets them is said inside.
    assert_eq!(facts.role("/messages/0"), ArgumentRole::Content);
}

#[test]
fn only_what_can_be_shown_to_be_undone_is_reversible() {
    let registry = infer(&[
        tool("create_note", "", json!([])),
        tool("delete_note", "", json!([])),
        tool("create_report", "", json!([])),
        tool("rename_note", "", json!([])),
        tool("update_note", "", json!([])),
        tool("send_note", "", json!([])),
        tool("get_note", "", json!([])),
    ]);
    let reversible: Vec<&str> = registry
        .tools
        .iter()
        .filter(|(_, entry)| entry.facts.reversible)
        .map(|(name, _)| name.as_str())
        .collect();
    assert_eq!(reversible, ["create_note", "get_note", "rename_note"]);
}

#[test]
fn a_switch_for_a_rehearsal_is_a_preview() {
    let with = |argument: Value| facts(tool("apply_plan", "", json!([argument]))).preview;
    assert!(with(json!(["dry_run", {"type": "boolean"}])));
    assert!(!with(json!(["dry_run", {"type": "string"}])));
    assert!(!with(json!(["verbose", {"type": "boolean"}])));
}

#[test]
fn what_others_may_have_written_is_external_and_secrets_are_restricted() {
    let label = |name: &str| facts(tool(name, "", json!([]))).result;
    assert_eq!(label("read_messages").trust, Trust::External);
    assert_eq!(label("get_price_per_day").trust, Trust::External);
    assert_eq!(label("get_balance").trust, Trust::Internal);
    assert_eq!(label("get_current_time").trust, Trust::Internal);
    assert_eq!(label("get_current_year").trust, Trust::Internal);
    assert_eq!(label("get_events_of_month").trust, Trust::External);
    assert_eq!(label("get_transaction_dates").trust, Trust::External);
    assert_eq!(label("get_password").sensitivity, Sensitivity::Restricted);
    assert_eq!(label("search_web").sensitivity, Sensitivity::Public);
    assert_eq!(label("read_messages").sensitivity, Sensitivity::Confidential);
}

#[test]
fn what_a_search_outside_is_asked_is_for_anybody() {
    let clearance = |name: &str, arguments| facts(tool(name, "", arguments)).clearance;
    assert_eq!(clearance("search_web", json!(["query"])), Sensitivity::Public);
    assert_eq!(clearance("search_notes", json!(["query"])), Sensitivity::Restricted);
    let open = Hints { open_world: Some(true), ..Hints::default() };
    let translate = Tool { hints: open, ..tool("translate_note", "", json!(["text"])) };
    assert_eq!(facts(translate).clearance, Sensitivity::Public);
}

#[test]
fn every_field_of_a_draft_says_why() {
    let registry = infer(&[tool("send_message", "", json!(["to", "body"]))]);
    let entry = registry.tools.values().next().unwrap();
    let fields: Vec<&str> = entry.reasons.keys().map(String::as_str).collect();
    assert_eq!(
        fields,
        ["clearance", "effects", "preview", "result", "reversible", "roles/body", "roles/to", "surface"]
    );
    assert_eq!(crate::Registry::parse(registry.to_json().as_bytes()).unwrap(), registry);
}

#[test]
fn tools_are_read_in_each_form_that_they_come_in() {
    let schema = json!({"type": "object", "properties": {"to": {"type": "string"}}});
    let forms = [
        json!([{"name": "a", "description": "d", "parameters": schema}]),
        json!({"tools": [{"name": "a", "description": "d", "input_schema": schema}]}),
        json!({"jsonrpc": "2.0", "id": 1, "result": {"tools": [{"name": "a", "description": "d", "inputSchema": schema}]}}),
        json!([{"type": "function", "function": {"name": "a", "description": "d", "parameters": schema}}]),
    ];
    for form in forms {
        let tools = from_json(form.to_string().as_bytes()).unwrap();
        assert_eq!((tools.len(), tools[0].schema.as_ref()), (1, Some(&schema)), "{form}");
    }
    let hinted =
        json!({"tools": [{"name": "a", "annotations": {"readOnlyHint": true, "openWorldHint": false}}]});
    let hints = from_json(hinted.to_string().as_bytes()).unwrap()[0].hints;
    assert_eq!(hints, Hints { read_only: Some(true), destructive: None, open_world: Some(false) });
    for (wrong, fault) in [
        (json!({}), InferFault::NoTools),
        (json!([]), InferFault::NoTools),
        (json!([{"description": "x"}]), InferFault::NoName { place: 0 }),
        (json!([{"name": "a b"}]), InferFault::Name { name: "a b".to_owned() }),
    ] {
        assert_eq!(from_json(wrong.to_string().as_bytes()), Err(fault), "{wrong}");
    }
}

#[test]
fn calls_tell_the_arguments_that_were_seen_and_nothing_is_lost_where_sources_join() {
    let name = Id::new("send_message").unwrap();
    let (first, second) = (json!({"to": null}), json!({"to": "x", "n": 1}));
    let seen = from_calls([(&name, &first), (&name, &second)]);
    assert_eq!(
        seen[0].schema,
        Some(json!({"type": "object", "properties": {"to": {"type": "string"}, "n": {"type": "number"}}}))
    );
    let described = tool("send_message", "Sends it.", json!(["body"]));
    let joined = draft(seen.into_iter().chain([described]).map(|tool| ((), tool)));
    assert_eq!(joined.disputes, []);
    let entry = &joined.registry.tools[&name];
    assert_eq!(entry.schema.as_ref().unwrap()["properties"].as_object().unwrap().len(), 3);
    assert_eq!(entry.facts.roles["/body"], ArgumentRole::Content);
}

/// Tools of one name that differ in every way in which sources do.
fn of_one_name() -> Vec<Tool> {
    let mut tools = vec![
        tool("lookup", "Returns the weather.", json!(["city"])),
        tool("lookup", "Deletes the file.", json!(["path", "reason"])),
        tool(
            "lookup",
            "Sends money.",
            json!(["to", ["amount", {"type": "number"}], ["dry_run", {"type": "boolean"}]]),
        ),
        tool("lookup", "", json!(["url", "query"])),
    ];
    tools[0].hints.read_only = Some(true);
    tools[3].version = Some(Id::new("2").unwrap());
    tools
}

#[test]
fn where_sources_say_different_things_the_more_cautious_stands() {
    let name = Id::new("lookup").unwrap();
    for left in of_one_name() {
        for right in of_one_name() {
            let together = infer(&[left.clone(), right.clone()]).tools.remove(&name).unwrap();
            for alone in [&left, &right] {
                let alone = infer(std::slice::from_ref(alone)).tools.remove(&name).unwrap();
                let (facts, of) = (&together.facts, &alone.facts);
                assert!(facts.effects >= of.effects && facts.clearance <= of.clearance, "{facts:?}");
                assert!(facts.reversible <= of.reversible && facts.preview <= of.preview, "{facts:?}");
                assert!(facts.result.trust <= of.result.trust, "{facts:?}");
                assert!(facts.result.sensitivity >= of.result.sensitivity, "{facts:?}");
                for (pointer, role) in &of.roles {
                    assert!(facts.roles[pointer] <= *role, "{pointer}: {facts:?}");
                }
                assert!(facts.surface == of.surface || facts.surface.as_str() == "general", "{facts:?}");
            }
            assert_eq!(together.reasons.contains_key("sources"), left != right);
        }
    }
}

#[test]
fn every_source_of_a_dispute_is_named_and_one_that_repeats_another_is_none() {
    let [weather, deletes, ..] = &of_one_name()[..] else { panic!("four") };
    let told = [("a", weather), ("b", weather), ("c", deletes), ("d", weather)];
    let draft = draft(told.map(|(source, tool)| (source, tool.clone())));
    let dispute = Dispute {
        tool: Id::new("lookup").unwrap(),
        sources: vec!["a", "c"],
        about: [Said::Description, Said::Schema, Said::Hints].into(),
    };
    assert_eq!(draft.disputes, [dispute]);
}

#[test]
fn a_schema_for_several_takes_what_each_takes_and_is_left_out_where_references_would_go_astray() {
    let with = |schema: Value| Tool { schema: Some(schema), ..tool("lookup", "", json!([])) };
    let joined = |tools: &[Tool]| infer(tools).tools.into_values().next().unwrap().schema;
    let [a, b, c] = ["a", "b", "c"].map(|name| json!({"required": [name]}));
    let three = joined(&[with(a.clone()), with(b.clone()), with(c.clone())]);
    assert_eq!(three, Some(json!({"anyOf": [a, b, c]})));
    let dialect = "http://json-schema.org/draft-07/schema#";
    let said = json!({"$schema": dialect, "required": ["d"]});
    let expected = json!({"$schema": dialect, "anyOf": [a, {"required": ["d"]}]});
    assert_eq!(joined(&[with(a.clone()), with(said.clone())]), Some(expected));
    let other = json!({"$schema": "https://json-schema.org/draft/2020-12/schema"});
    assert_eq!(joined(&[with(said), with(other)]), None);
    let referring = json!({"properties": {"x": {"$ref": "#/$defs/x"}}, "$defs": {"x": {}}});
    assert_eq!(joined(&[with(a), with(referring.clone())]), None);
    assert_eq!(joined(&[with(referring.clone()), with(referring.clone())]), Some(referring));
}

#[test]
fn the_digest_is_of_what_a_registry_means() {
    let registry = infer(&[tool("send_message", "", json!(["to", "body"]))]);
    let digest = registry.digest();
    let mut same = registry.clone();
    same.tools.values_mut().for_each(|entry| entry.reasons.clear());
    assert_eq!(same.digest(), digest);
    let name = Id::new("send_message").unwrap();
    let changes: [&dyn Fn(&mut Entry); 5] = [
        &|entry| entry.facts.reversible = true,
        &|entry| entry.facts.effects = EffectsClass::Read,
        &|entry| entry.schema = None,
        &|entry| entry.facts.version = Some(Id::new("2").unwrap()),
        &|entry| entry.facts.roles.clear(),
    ];
    for change in changes {
        let mut other = registry.clone();
        change(other.tools.get_mut(&name).unwrap());
        assert_ne!(other.digest(), digest);
    }
}
