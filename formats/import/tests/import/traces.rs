//! Traces of spans, by every convention and exporter that occurs.

use rederive_evidence::kinds::Body;
use rederive_import::{Format, ImportedRun};

use crate::outline::{assert_lines, check_shape, ends, gist, only_run, outline};

/// A document in OTLP/JSON with these spans.
fn document(spans: &str) -> String {
    format!(r#"{{"resourceSpans":[{{"scopeSpans":[{{"spans":{spans}}}]}}]}}"#)
}

/// The run of one trace.
fn trace(text: &str) -> ImportedRun {
    only_run(&Format::Otel, "trace.json", text)
}

/// The records and notes of spans of one trace. Each is written `{..}` without the trace's id.
#[track_caller]
fn check(spans: &str, expected: &str) {
    assert_lines(&outline(&trace(&document(&of_one_trace(spans)))), expected);
}

/// The opening and the closing record of the same.
#[track_caller]
fn check_ends(spans: &str, expected: &str) {
    assert_lines(&ends(&trace(&document(&of_one_trace(spans)))), expected);
}

fn of_one_trace(spans: &str) -> String {
    spans.replace(r#""spanId""#, r#""traceId":"0af7651916cd43dd8448eb211c80319c","spanId""#)
}

/// Two calls of a model and an execution of a tool between them, whatever the attributes.
fn run_of(first: &str, tool: &str, second: &str) -> ImportedRun {
    let spans = format!(
        r#"[{{"spanId":"0000000000000001","name":"chat","startTimeUnixNano":"1000","endTimeUnixNano":"2000",{first}}},
            {{"spanId":"0000000000000002","name":"execute_tool f","startTimeUnixNano":"3000","endTimeUnixNano":"4000",{tool}}},
            {{"spanId":"0000000000000003","name":"chat","startTimeUnixNano":"5000","endTimeUnixNano":"6000",{second}}}]"#
    );
    trace(&document(&of_one_trace(&spans)))
}

const TOOL: &str = r#""attributes":{"gen_ai.operation.name":"execute_tool","gen_ai.tool.name":"f","gen_ai.tool.call.id":"c1",
    "gen_ai.tool.call.arguments":"{\"x\":1}","gen_ai.tool.call.result":"r"}"#;

#[test]
fn messages_as_attributes_of_the_current_conventions() {
    let run = run_of(
        r#""attributes":{"gen_ai.operation.name":"chat","gen_ai.request.model":"m",
            "gen_ai.input.messages":"[{\"role\":\"user\",\"parts\":[{\"type\":\"text\",\"content\":\"u\"}]}]",
            "gen_ai.output.messages":"[{\"role\":\"assistant\",\"parts\":[{\"type\":\"tool_call\",\"id\":\"c1\",\"name\":\"f\",\"arguments\":{\"x\":1}}],\"finish_reason\":\"tool_call\"}]"}"#,
        TOOL,
        r#""attributes":{"gen_ai.operation.name":"chat","gen_ai.request.model":"m",
            "gen_ai.input.messages":"[{\"role\":\"user\",\"parts\":[{\"type\":\"text\",\"content\":\"u\"}]},{\"role\":\"assistant\",\"parts\":[{\"type\":\"tool_call\",\"id\":\"c1\",\"name\":\"f\",\"arguments\":{\"x\":1}}]},{\"role\":\"tool\",\"parts\":[{\"type\":\"tool_call_response\",\"id\":\"c1\",\"response\":\"r\"}]}]",
            "gen_ai.output.messages":"[{\"role\":\"assistant\",\"parts\":[{\"type\":\"text\",\"content\":\"done\"}],\"finish_reason\":\"stop\"}]"}"#,
    );
    assert_lines(
        &gist(&run),
        r#"
        prompt.given user `u`
        prompt.sent 0:0 user@1 `u` `{"gen_ai.request.model":"m"}`
        prompt.answered 0:0 1 calls stop calls by m {..}
        tool.proposed 0:0 f `{"x":1}` `c1`
        tool.returned 0:0 `r` `c1`
        prompt.sent 1:0 keeps 0+1 assistant@3 tool@5 {..} `r` `{"gen_ai.request.model":"m"}`
        prompt.answered 1:0 0 calls stop end by m `done`
        output.produced `done`
        "#,
    );
}

#[test]
fn messages_as_events_of_the_span() {
    let call = r#"[{\"id\":\"c1\",\"type\":\"function\",\"function\":{\"name\":\"f\",\"arguments\":\"{\\\"x\\\":1}\"}}]"#;
    let run = run_of(
        &r#""attributes":{"gen_ai.system":"openai","gen_ai.request.model":"m"},"events":[
            {"name":"gen_ai.user.message","timeUnixNano":"1000","attributes":{"content":"u"}},
            {"name":"gen_ai.choice","timeUnixNano":"2000","attributes":{"index":0,"finish_reason":"tool_calls","message":"{\"role\":\"assistant\",\"tool_calls\":CALL}"}}]"#
            .replace("CALL", call),
        TOOL,
        &r#""attributes":{"gen_ai.system":"openai","gen_ai.request.model":"m"},"events":[
            {"name":"gen_ai.user.message","attributes":{"content":"u"}},
            {"name":"gen_ai.assistant.message","attributes":{"tool_calls":"CALL"}},
            {"name":"gen_ai.tool.message","attributes":{"content":"r","id":"c1"}},
            {"name":"gen_ai.choice","attributes":{"index":0,"finish_reason":"stop","message":"{\"role\":\"assistant\",\"content\":\"done\"}"}}]"#
            .replace("CALL", call),
    );
    assert_lines(
        &gist(&run),
        r#"
        prompt.given user `u`
        prompt.sent 0:0 user@1 `u` `{"gen_ai.request.model":"m"}`
        prompt.answered 0:0 1 calls stop calls by m {..}
        tool.proposed 0:0 f `{"x":1}` `c1`
        tool.returned 0:0 `r` `c1`
        prompt.sent 1:0 keeps 0+1 assistant@3 tool@5 `{"tool_calls":[{"id":"c1","type":"function","function":{"nam` `r` `{"gen_ai.request.model":"m"}`
        prompt.answered 1:0 0 calls stop end by m `done`
        output.produced `done`
        "#,
    );
}

#[test]
fn messages_in_a_list_of_events_that_is_an_attribute() {
    let call = r#"[{\"id\":\"c1\",\"type\":\"function\",\"function\":{\"name\":\"f\",\"arguments\":\"{\\\"x\\\":1}\"}}]"#;
    let run = run_of(
        &r#""attributes":{"gen_ai.operation.name":"chat","gen_ai.request.model":"m",
            "events":"[{\"event.name\":\"gen_ai.user.message\",\"role\":\"user\",\"content\":\"u\",\"gen_ai.message.index\":0},{\"event.name\":\"gen_ai.choice\",\"index\":0,\"message\":{\"role\":\"assistant\",\"tool_calls\":CALL}}]"}"#
            .replace("CALL", call),
        TOOL,
        &r#""attributes":{"gen_ai.operation.name":"chat","gen_ai.request.model":"m",
            "events":"[{\"event.name\":\"gen_ai.user.message\",\"role\":\"user\",\"content\":\"u\"},{\"event.name\":\"gen_ai.assistant.message\",\"role\":\"assistant\",\"tool_calls\":CALL},{\"event.name\":\"gen_ai.tool.message\",\"role\":\"tool\",\"content\":\"r\",\"id\":\"c1\",\"name\":\"f\"},{\"event.name\":\"gen_ai.choice\",\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"done\"}}]"}"#
            .replace("CALL", call),
    );
    assert_lines(
        &gist(&run),
        r#"
        prompt.given user `u`
        prompt.sent 0:0 user@1 `u` `{"gen_ai.request.model":"m"}`
        prompt.answered 0:0 1 calls by m {..}
        tool.proposed 0:0 f `{"x":1}` `c1`
        tool.returned 0:0 `r` `c1`
        prompt.sent 1:0 keeps 0+1 assistant@3 tool@5 `{"event.name":"gen_ai.assistant.message","role":"assistant",` `r` `{"gen_ai.request.model":"m"}`
        prompt.answered 1:0 0 calls by m `done`
        output.produced `done`
        "#,
    );
}

#[test]
fn messages_spelled_out_by_attributes_with_indices() {
    let run = run_of(
        r#""attributes":{"llm.request.type":"chat","gen_ai.request.model":"m",
            "gen_ai.prompt.0.role":"user","gen_ai.prompt.0.content":"u",
            "gen_ai.completion.0.role":"assistant","gen_ai.completion.0.finish_reason":"tool_calls",
            "gen_ai.completion.0.tool_calls.0.id":"c1","gen_ai.completion.0.tool_calls.0.name":"f",
            "gen_ai.completion.0.tool_calls.0.arguments":"{\"x\":1}"}"#,
        r#""attributes":{"traceloop.span.kind":"tool","gen_ai.tool.name":"f","traceloop.entity.input":"{\"x\":1}","traceloop.entity.output":"r"}"#,
        r#""attributes":{"llm.request.type":"chat","gen_ai.request.model":"m",
            "gen_ai.prompt.0.role":"user","gen_ai.prompt.0.content":"u",
            "gen_ai.prompt.1.role":"assistant","gen_ai.prompt.1.tool_calls.0.id":"c1","gen_ai.prompt.1.tool_calls.0.name":"f",
            "gen_ai.prompt.1.tool_calls.0.arguments":"{\"x\":1}",
            "gen_ai.prompt.2.role":"tool","gen_ai.prompt.2.tool_call_id":"c1","gen_ai.prompt.2.content":"r",
            "gen_ai.completion.0.role":"assistant","gen_ai.completion.0.content":"done","gen_ai.completion.0.finish_reason":"stop"}"#,
    );
    assert_lines(
        &gist(&run),
        r#"
        prompt.given user `u`
        prompt.sent 0:0 user@1 `u` `{"gen_ai.request.model":"m"}`
        prompt.answered 0:0 1 calls stop calls by m `{"finish_reason":"tool_calls","role":"assistant","tool_calls`
        tool.proposed 0:0 f `{"x":1}` `c1`
        tool.returned 0:0 `r`
        prompt.sent 1:0 keeps 0+1 assistant@3 tool@5 {..} `r` `{"gen_ai.request.model":"m"}`
        prompt.answered 1:0 0 calls stop end by m `done`
        output.produced `done`
        "#,
    );
}

#[test]
fn messages_of_openinference() {
    let run = run_of(
        r#""attributes":{"openinference.span.kind":"LLM","llm.model_name":"m",
            "llm.input_messages.0.message.role":"user","llm.input_messages.0.message.content":"u",
            "llm.output_messages.0.message.role":"assistant",
            "llm.output_messages.0.message.tool_calls.0.tool_call.id":"c1",
            "llm.output_messages.0.message.tool_calls.0.tool_call.function.name":"f",
            "llm.output_messages.0.message.tool_calls.0.tool_call.function.arguments":"{\"x\":1}"}"#,
        r#""attributes":{"openinference.span.kind":"TOOL","tool.name":"f","tool_call.id":"c1","input.value":"{\"x\":1}","output.value":"r"}"#,
        r#""attributes":{"openinference.span.kind":"LLM","llm.model_name":"m",
            "llm.input_messages.0.message.role":"user",
            "llm.input_messages.0.message.contents.0.message_content.type":"text",
            "llm.input_messages.0.message.contents.0.message_content.text":"u",
            "llm.input_messages.1.message.role":"assistant",
            "llm.input_messages.1.message.tool_calls.0.tool_call.id":"c1",
            "llm.input_messages.1.message.tool_calls.0.tool_call.function.name":"f",
            "llm.input_messages.1.message.tool_calls.0.tool_call.function.arguments":"{\"x\":1}",
            "llm.input_messages.2.message.role":"tool","llm.input_messages.2.message.tool_call_id":"c1","llm.input_messages.2.message.content":"r",
            "llm.output_messages.0.message.role":"assistant","llm.output_messages.0.message.content":"done"}"#,
    );
    assert_lines(
        &gist(&run),
        r#"
        prompt.given user `u`
        prompt.sent 0:0 user@1 `u`
        prompt.answered 0:0 1 calls by m {..}
        tool.proposed 0:0 f `{"x":1}` `c1`
        tool.returned 0:0 `r` `c1`
        prompt.sent 1:0 keeps 0+1 assistant@3 tool@5 {..} `r`
        prompt.answered 1:0 0 calls by m `done`
        output.produced `done`
        "#,
    );
}

#[test]
fn messages_of_the_vercel_sdk_whose_inner_span_shows_more() {
    let spans = r#"[
        {"spanId":"0000000000000001","name":"ai.generateText","startTimeUnixNano":"1000","endTimeUnixNano":"9000",
            "attributes":{"ai.operationId":"ai.generateText","ai.prompt":"{\"system\":\"s\",\"prompt\":\"u\"}","ai.response.text":"done"}},
        {"spanId":"0000000000000002","parentSpanId":"0000000000000001","name":"ai.generateText.doGenerate","startTimeUnixNano":"2000","endTimeUnixNano":"3000",
            "attributes":{"ai.operationId":"ai.generateText.doGenerate","ai.model.id":"m","ai.response.finishReason":"tool-calls",
            "ai.prompt.messages":"[{\"role\":\"system\",\"content\":\"s\"},{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"u\"}]}]",
            "ai.response.toolCalls":"[{\"toolCallType\":\"function\",\"toolCallId\":\"c1\",\"toolName\":\"f\",\"args\":\"{\\\"x\\\":1}\"}]"}},
        {"spanId":"0000000000000003","parentSpanId":"0000000000000001","name":"ai.toolCall","startTimeUnixNano":"4000","endTimeUnixNano":"5000",
            "attributes":{"ai.operationId":"ai.toolCall","ai.toolCall.name":"f","ai.toolCall.id":"c1","ai.toolCall.args":"{\"x\":1}","ai.toolCall.result":"\"r\""}}]"#;
    check(
        spans,
        r#"
        1 prompt.given t2 <0 system `s`
        2 prompt.given t2 <0 user `u`
        3 prompt.sent t2 0:0 <1-2 system@1 user@2 `s` `u`
        4 prompt.answered t3 0:0 <3 1 calls stop calls by m {..} `{"traceId":"0af7651916cd43dd8448eb211c80319c","spanId":"0000`
        5 tool.proposed t3 0:0 <4 f `{"x":1}` `c1`
        6 tool.returned t5 0:0 <5 `"r"` `c1` `{"traceId":"0af7651916cd43dd8448eb211c80319c","spanId":"0000`
        note /resourceSpans/0/scopeSpans/0/spans/0: other-span
        "#,
    );
}

#[test]
fn a_trace_as_langfuse_exports_it() {
    let run = trace(
        r#"{"trace":{"id":"t1","name":"demo"},"observations":[
            {"id":"o1","traceId":"t1","type":"GENERATION","name":"chat","startTime":"1970-01-01T00:00:00.001Z","endTime":"1970-01-01T00:00:00.002Z",
             "model":"m","input":[{"role":"user","content":"u"}],"inputUsage":5,"outputUsage":2,
             "output":{"role":"assistant","content":null,"tool_calls":[{"id":"c1","type":"function","function":{"name":"f","arguments":"{\"x\":1}"}}]}},
            {"id":"o2","traceId":"t1","type":"TOOL","name":"f","startTime":"1970-01-01T00:00:00.003Z","endTime":"1970-01-01T00:00:00.004Z",
             "parentObservationId":"o1","input":{"x":1},"output":"r"},
            {"id":"o3","traceId":"t1","type":"SPAN","name":"agent","startTime":"1970-01-01T00:00:00.000Z","endTime":"1970-01-01T00:00:00.009Z",
             "metadata":"{\"attributes\":{\"gen_ai.agent.name\":\"planner\"}}","level":"ERROR","statusMessage":"gave up"}]}"#,
    );
    assert_lines(
        &outline(&run),
        r#"
        1 prompt.given t1000 <0 user `u`
        2 prompt.sent t1000 0:0 <1 user@1 `u`
        3 prompt.answered t2000 0:0 <2 1 calls by m {..} `{"id":"o1","traceId":"t1","type":"GENERATION","name":"chat",`
        4 tool.proposed t2000 0:0 <3 f `{"x":1}` `c1`
        5 tool.returned t4000 0:0 <4 `r` `{"id":"o2","traceId":"t1","type":"TOOL","name":"f","startTim`
        note /observations/2: other-span
        "#,
    );
    assert_lines(
        &ends(&run),
        r#"
        opened build unknown agents [agent] models [m] session unknown run.opened t0 < `trace.json` `t1` `[{"trace":{"id":"t1","name":"demo"},"observations":[]}, {"id`
        failed run.closed t9000 <5 `gave up`
        "#,
    );
}

#[test]
fn a_trace_as_jaeger_exports_it() {
    let run = trace(
        r#"{"data":[{"traceID":"abc1","processes":{"p1":{"serviceName":"svc"}},"spans":[
            {"traceID":"abc1","spanID":"1","operationName":"openai.chat","references":[],"startTime":5,"duration":7,"processID":"p1",
             "tags":[{"key":"gen_ai.prompt.0.role","type":"string","value":"user"},{"key":"gen_ai.prompt.0.content","type":"string","value":"u"},
                     {"key":"gen_ai.completion.0.content","type":"string","value":"a"},{"key":"gen_ai.usage.input_tokens","type":"int64","value":14}],
             "logs":[{"timestamp":6,"fields":[{"key":"event","type":"string","value":"first token"}]}]},
            {"traceID":"abc1","spanID":"2","operationName":"f","references":[{"refType":"CHILD_OF","traceID":"abc1","spanID":"1"}],"startTime":13,"duration":2,
             "tags":[{"key":"gen_ai.tool.name","type":"string","value":"f"},{"key":"error","type":"bool","value":true}],"logs":[]}]}]}"#,
    );
    assert_lines(
        &outline(&run),
        r#"
        1 prompt.given t5 <0 user `u`
        2 prompt.sent t5 0:0 <1 user@1 `u`
        3 prompt.answered t12 0:0 <2 0 calls `a` `{"traceID":"abc1","spanID":"1","operationName":"openai.chat"`
        4 output.produced t12 <3 `a`
        5 tool.proposed t13 0:0 <0 f
        6 tool.failed t15 0:0 <5 `{"traceID":"abc1","spanID":"2","operationName":"f","referenc`
        "#,
    );
}

#[test]
fn spans_as_the_javascript_sdk_prints_them() {
    let run = trace(
        r#"[{"name":"chat","spanContext":{"traceId":"0af7651916cd43dd8448eb211c80319c","spanId":"b7ad6b7169203331"},
             "startTime":[1,5000],"endTime":[1,9000],"status":{"code":0},"events":[],
             "attributes":{"gen_ai.operation.name":"chat","gen_ai.prompt":"[{\"role\":\"user\",\"content\":\"u\"}]","gen_ai.completion":"[{\"role\":\"assistant\",\"content\":\"a\"}]"}}]"#,
    );
    assert_lines(
        &outline(&run),
        r#"
        1 prompt.given t1000005 <0 user `u`
        2 prompt.sent t1000005 0:0 <1 user@1 `u`
        3 prompt.answered t1000009 0:0 <2 0 calls `a` `{"name":"chat","spanContext":{"traceId":"0af7651916cd43dd844`
        4 output.produced t1000009 <3 `a`
        "#,
    );
}

#[test]
fn attributes_in_the_lists_of_otlp_say_what_they_say_as_members() {
    let as_list = r#"[{"spanId":"0000000000000001","name":"chat","attributes":[
        {"key":"gen_ai.operation.name","value":{"stringValue":"chat"}},
        {"key":"gen_ai.usage.input_tokens","value":{"intValue":"14"}},
        {"key":"gen_ai.response.finish_reasons","value":{"arrayValue":{"values":[{"stringValue":"stop"}]}}},
        {"key":"gen_ai.input.messages","value":{"stringValue":"[{\"role\":\"user\",\"content\":\"u\"}]"}},
        {"key":"gen_ai.output.messages","value":{"arrayValue":{"values":[{"kvlistValue":{"values":[
            {"key":"role","value":{"stringValue":"assistant"}},{"key":"content","value":{"stringValue":"a"}}]}}]}}}]}]"#;
    let as_members = r#"[{"spanId":"0000000000000001","name":"chat","attributes":{"gen_ai.operation.name":"chat",
        "gen_ai.usage.input_tokens":14,"gen_ai.response.finish_reasons":["stop"],
        "gen_ai.input.messages":[{"role":"user","content":"u"}],"gen_ai.output.messages":[{"role":"assistant","content":"a"}]}}]"#;
    let run = |spans: &str| trace(&document(&of_one_trace(spans)));
    assert_eq!(gist(&run(as_list)), gist(&run(as_members)));
    assert_lines(
        &gist(&run(as_list)),
        r#"
        prompt.given user `u`
        prompt.sent 0:0 user@1 `u`
        prompt.answered 0:0 0 calls stop end `a`
        output.produced `a`
        "#,
    );
}

#[test]
fn what_a_span_says_of_its_model_call_is_on_record() {
    let spans = r#"[{"spanId":"0000000000000001","name":"chat m","startTimeUnixNano":"1000","endTimeUnixNano":"9000","attributes":{
        "gen_ai.operation.name":"chat","gen_ai.agent.name":"planner","gen_ai.conversation.id":"s-1",
        "gen_ai.request.model":"m","gen_ai.response.model":"m-2026","gen_ai.request.temperature":0.5,
        "gen_ai.usage.input_tokens":14,"gen_ai.usage.output_tokens":3,"gen_ai.response.finish_reasons":["length"],
        "gen_ai.system_instructions":"[{\"type\":\"text\",\"content\":\"s\"}]",
        "gen_ai.tool.definitions":"[{\"type\":\"function\",\"name\":\"f\",\"parameters\":{\"type\":\"object\"}}]",
        "gen_ai.input.messages":"[{\"role\":\"user\",\"content\":\"u\"}]","gen_ai.output.messages":"[{\"role\":\"assistant\",\"content\":\"a\"}]"}}]"#;
    check(
        spans,
        r#"
        1 tool.registered t1 <0 f `{"type":"object"}` `{"type":"function","name":"f","parameters":{"type":"object"}`
        2 prompt.given t1 <0 system `s`
        3 prompt.given t1 <0 user `u`
        4 prompt.sent t1 0:0 <2-3 system@2 user@3 offers f `s` `u` `{"gen_ai.request.model":"m","gen_ai.request.temperature":0.5`
        5 prompt.answered t9 0:0 <4 0 calls stop length by m as m-2026 `a` `{"traceId":"0af7651916cd43dd8448eb211c80319c","spanId":"0000`
        6 output.produced t9 <5 `a`
        "#,
    );
    check_ends(
        spans,
        r#"
        opened build unknown agents [planner] models [m] session s-1 run.opened t1 < `trace.json` `0af7651916cd43dd8448eb211c80319c`
        completed run.closed t9 <6
        "#,
    );
    let run = trace(&document(&of_one_trace(spans)));
    let answer = run.drafts.iter().find_map(|draft| match &draft.body {
        Body::PromptAnswered(answer) => Some((answer, draft)),
        _ => None,
    });
    let (answer, draft) = answer.unwrap();
    assert_eq!((answer.tokens_in.known(), answer.tokens_out.known()), (Some(&14), Some(&3)));
    assert_eq!(answer.version.known().unwrap().as_str(), "m-2026");
    let context = draft.trace.as_ref().unwrap();
    assert_eq!(context.trace.to_string(), "0af7651916cd43dd8448eb211c80319c");
    assert_eq!(context.span.unwrap().to_string(), "0000000000000001");
}

#[test]
fn what_a_message_of_a_span_says_of_itself_is_kept_with_it() {
    check(
        r#"[{"spanId":"0000000000000001","name":"chat","attributes":{"gen_ai.operation.name":"chat",
            "gen_ai.input.messages":[{"role":"user","content":"u","pinned":true},{"role":"assistant","content":"b","model":"m-0"}],
            "gen_ai.output.messages":[{"role":"assistant","content":"a","model":"m-1","gen_ai.system":"openai"}]}}]"#,
        r#"
        1 prompt.given <0 user `u`
        2 prompt.sent 0:0 <1 user@1 assistant@new `u` {..} `{"pinned":true}`
        3 prompt.answered 0:0 <2 0 calls as m-1 {..} `a` `{"traceId":"0af7651916cd43dd8448eb211c80319c","spanId":"0000`
        4 output.produced <3 `a`
        note /resourceSpans/0/scopeSpans/0/spans/0/gen_ai.input.messages/pinned: unknown-member
        "#,
    );
}

#[test]
fn attributes_events_and_times_in_no_form_of_theirs_are_kept_and_noted() {
    let otlp = of_one_trace(
        r#"[{"spanId":"0000000000000001","name":"op","startTimeUnixNano":"2025-06-11T16:01:32+02:00","endTimeUnixNano":0,
            "attributes":"one","events":"two"},
        {"spanId":"0000000000000002","name":"op","attributes":{"k":"three"},"attributes":{"k":"four"},"events":{"k":"five"}}]"#,
    );
    let jaeger = r#"{"data":[{"spans":[{"traceID":"ab","spanID":"1","operationName":"op","startTime":1,"duration":"one","tags":"two",
        "logs":"three","events":["four","five"]}]}]}"#;
    for (text, at, unexpected, repeated) in [
        (
            document(&otlp),
            "/resourceSpans/0/scopeSpans/0/spans",
            &["0/startTimeUnixNano", "0/attributes", "0/events", "1/events"][..],
            &["1/attributes"][..],
        ),
        (jaeger.to_owned(), "/data/0/spans", &["0/duration", "0/tags", "0/logs"], &[]),
    ] {
        let run = trace(&text);
        let kept: Vec<_> = run.drafts.iter().flat_map(|draft| &draft.contents).collect();
        for word in ["one", "two", "three", "four", "five"] {
            let has = |bytes: &[u8]| String::from_utf8_lossy(bytes).contains(word);
            assert!(kept.iter().any(|content| has(&content.bytes)), "{word} of {text}");
        }
        let told: Vec<String> = run.notes.iter().map(ToString::to_string).collect();
        let expected = |names: &[&str], note: &str| -> Vec<String> {
            names.iter().map(|name| format!("{at}/{name}: {note}")).collect()
        };
        let of = |note: &str| told.iter().filter(|told| told.ends_with(note)).cloned().collect::<Vec<_>>();
        assert_eq!(of("unexpected-value"), expected(unexpected, "unexpected-value"), "{told:?}");
        assert_eq!(of("repeated-member"), expected(repeated, "repeated-member"), "{told:?}");
    }
}

#[test]
fn what_an_attribute_says_beside_key_and_value_is_kept_with_its_span() {
    let value = |form: &str| {
        format!(
            r#"[{{"spanId":"0000000000000001","name":"chat","attributes":[
                {{"key":"gen_ai.operation.name","value":{{"stringValue":"chat"}}}},
                {{"key":"gen_ai.output.messages","value":{{"stringValue":"[]"}}}},
                {{"key":"gen_ai.input.messages",{form}}}]}}]"#
        )
    };
    let message = r#"{"kvlistValue":{"values":[{"key":"role","value":{"stringValue":"user"}},{"key":"content","value":{"stringValue":"u"}}]}}"#;
    let list = format!(r#""value":{{"arrayValue":{{"values":[{message}]}}}}"#);
    for (form, is_more) in [
        (list.clone(), false),
        (format!(r#"{list},"unit":"more""#), true),
        (format!(r#""value":"more",{list}"#), true),
        (list.replace(r#""arrayValue":{"#, r#""arrayValue":{"more":1,"#), true),
        (list.replace(r#"{"key":"role""#, r#"{"more":1,"key":"role""#), true),
        (list.replace(r#""stringValue":"u""#, r#""stringValue":"u","more":1"#), true),
        (r#""value":{"arrayValue":"more"}"#.to_owned(), true),
    ] {
        let run = trace(&document(&of_one_trace(&value(&form))));
        let has = |bytes: &[u8]| String::from_utf8_lossy(bytes).contains("more");
        let kept = run.drafts.iter().flat_map(|draft| &draft.contents).any(|content| has(&content.bytes));
        let noted = run.notes.iter().any(|note| note.to_string().ends_with("input.messages: unknown-member"));
        assert_eq!((kept, noted), (is_more, is_more), "{form} {:?}", run.notes);
    }
}

#[test]
fn records_stand_in_the_order_of_times_whatever_the_order_of_the_file() {
    let spans = r#"[
        {"spanId":"0000000000000004","parentSpanId":"0000000000000001","name":"chat","startTimeUnixNano":"7000","endTimeUnixNano":"8000",
            "attributes":{"gen_ai.operation.name":"chat","gen_ai.output.messages":[{"role":"assistant","content":"done"}],"gen_ai.input.messages":[{"role":"user","content":"u"}]}},
        {"spanId":"0000000000000003","parentSpanId":"0000000000000002","name":"execute_tool f","startTimeUnixNano":"4000","endTimeUnixNano":"5000",
            "attributes":{"gen_ai.operation.name":"execute_tool","gen_ai.tool.name":"f","gen_ai.tool.call.id":"c1","gen_ai.tool.call.result":"r"}},
        {"spanId":"0000000000000002","parentSpanId":"0000000000000001","name":"chat","startTimeUnixNano":"2000","endTimeUnixNano":"3000",
            "attributes":{"gen_ai.operation.name":"chat","gen_ai.input.messages":[{"role":"user","content":"u"}],
            "gen_ai.output.messages":[{"role":"assistant","tool_calls":[{"id":"c1","function":{"name":"f","arguments":"{}"}}]}]}},
        {"spanId":"0000000000000001","name":"invoke_agent","startTimeUnixNano":"1000","endTimeUnixNano":"9000","attributes":{"gen_ai.operation.name":"invoke_agent"}}]"#;
    check(
        spans,
        r#"
        1 prompt.given t2 <0 user `u`
        2 prompt.sent t2 0:0 <1 user@1 `u`
        3 prompt.answered t3 0:0 <2 1 calls {..} `{"traceId":"0af7651916cd43dd8448eb211c80319c","spanId":"0000`
        4 tool.proposed t3 0:0 <3 f `{}` `c1`
        5 tool.returned t5 0:0 <4 `r` `c1` `{"traceId":"0af7651916cd43dd8448eb211c80319c","spanId":"0000`
        6 prompt.sent t7 1:0 <1 keeps 0+1
        7 prompt.answered t8 1:0 <6 0 calls `done` `{"traceId":"0af7651916cd43dd8448eb211c80319c","spanId":"0000`
        8 output.produced t8 <7 `done`
        note /resourceSpans/0/scopeSpans/0/spans/3: other-span
        "#,
    );
}

#[test]
fn spans_of_unknown_time_stand_where_the_source_puts_them() {
    let call = |id: &str, text: &str| {
        format!(
            r#"{{"spanId":"{id}","name":"chat","attributes":{{"gen_ai.operation.name":"chat",
            "gen_ai.input.messages":[{{"role":"user","content":"{text}"}}],"gen_ai.output.messages":[{{"role":"assistant","content":"to {text}"}}]}}}}"#
        )
    };
    let spans = [call("00000000000000ff", "u"), call("0000000000000001", "v"), call("0000000000000003", "w")];
    check(
        &format!("[{}]", spans.join(",")),
        r#"
        1 prompt.given <0 user `u`
        2 prompt.sent 0:0 <1 user@1 `u`
        3 prompt.answered 0:0 <2 0 calls `to u` `{"traceId":"0af7651916cd43dd8448eb211c80319c","spanId":"0000`
        4 output.produced <3 `to u`
        5 prompt.given <0 user `v`
        6 prompt.sent 1:0 <5 user@5 `v`
        7 prompt.answered 1:0 <6 0 calls `to v` `{"traceId":"0af7651916cd43dd8448eb211c80319c","spanId":"0000`
        8 output.produced <7 `to v`
        9 prompt.given <0 user `w`
        10 prompt.sent 2:0 <9 user@9 `w`
        11 prompt.answered 2:0 <10 0 calls `to w` `{"traceId":"0af7651916cd43dd8448eb211c80319c","spanId":"0000`
        12 output.produced <11 `to w`
        "#,
    );
}

#[test]
fn a_time_that_runs_backwards_is_left_out_and_noted() {
    let spans = r#"[
        {"spanId":"0000000000000001","name":"chat","startTimeUnixNano":"5000","endTimeUnixNano":"2000","attributes":{"gen_ai.operation.name":"chat",
            "gen_ai.input.messages":[{"role":"user","content":"u"}],"gen_ai.output.messages":[{"role":"assistant","content":"a"}]}}]"#;
    check(
        spans,
        r#"
        1 prompt.given t5 <0 user `u`
        2 prompt.sent t5 0:0 <1 user@1 `u`
        3 prompt.answered 0:0 <2 0 calls `a` `{"traceId":"0af7651916cd43dd8448eb211c80319c","spanId":"0000`
        4 output.produced <3 `a`
        note /resourceSpans/0/scopeSpans/0/spans/0: time-out-of-order
        "#,
    );
}

#[test]
fn errors_of_spans_are_failures_of_what_they_did() {
    let spans = r#"[
        {"spanId":"0000000000000001","name":"agent","startTimeUnixNano":"1000","endTimeUnixNano":"9000","status":{"code":2,"message":"gave up"},"attributes":{}},
        {"spanId":"0000000000000002","parentSpanId":"0000000000000001","name":"chat","startTimeUnixNano":"2000","endTimeUnixNano":"3000","attributes":{
            "gen_ai.operation.name":"chat","gen_ai.input.messages":[{"role":"user","content":"u"}],
            "gen_ai.output.messages":[{"role":"assistant","tool_calls":[{"id":"c1","function":{"name":"f","arguments":"{}"}},{"id":"c2","function":{"name":"f","arguments":"{}"}}]}]}},
        {"spanId":"0000000000000003","parentSpanId":"0000000000000001","name":"f","startTimeUnixNano":"4000","endTimeUnixNano":"5000",
            "status":{"code":"STATUS_CODE_ERROR"},"attributes":{"gen_ai.tool.name":"f","gen_ai.tool.call.id":"c1"},
            "events":[{"name":"exception","attributes":{"exception.type":"ValueError","exception.message":"no"}}]},
        {"spanId":"0000000000000004","parentSpanId":"0000000000000001","name":"f","startTimeUnixNano":"4000","endTimeUnixNano":"5000",
            "status":{"code":2},"attributes":{"gen_ai.tool.name":"f","gen_ai.tool.call.id":"c2"}},
        {"spanId":"0000000000000005","parentSpanId":"0000000000000001","name":"chat","startTimeUnixNano":"6000","endTimeUnixNano":"7000",
            "status":{"code":2,"message":"overloaded"},"attributes":{"gen_ai.operation.name":"chat","gen_ai.input.messages":[{"role":"user","content":"u"}],"error.type":"overloaded"}}]"#;
    check(
        spans,
        r#"
        1 prompt.given t2 <0 user `u`
        2 prompt.sent t2 0:0 <1 user@1 `u`
        3 prompt.answered t3 0:0 <2 2 calls {..} `{"traceId":"0af7651916cd43dd8448eb211c80319c","spanId":"0000`
        4 tool.proposed t3 0:0 <3 f `{}` `c1`
        5 tool.proposed t3 0:1 <3 f `{}` `c2`
        6 tool.failed t5 0:0 <4 `no` `c1` `{"traceId":"0af7651916cd43dd8448eb211c80319c","spanId":"0000`
        7 tool.failed t5 0:1 <5 `c2` `{"traceId":"0af7651916cd43dd8448eb211c80319c","spanId":"0000`
        8 prompt.sent t6 1:0 <1 keeps 0+1 `{"traceId":"0af7651916cd43dd8448eb211c80319c","spanId":"0000`
        note /resourceSpans/0/scopeSpans/0/spans/0: other-span
        note /resourceSpans/0/scopeSpans/0/spans/4: answer-not-given
        "#,
    );
    check_ends(
        spans,
        r#"
        opened build unknown agents [agent] models [unknown] session unknown run.opened t1 < `trace.json` `0af7651916cd43dd8448eb211c80319c` `[{"traceId":"0af7651916cd43dd8448eb211c80319c","spanId":"000`
        failed run.closed t9 <8 `gave up`
        "#,
    );
}

#[test]
fn attributes_that_mean_nothing_here_stay_with_their_record_and_other_spans_with_the_opening() {
    let spans = r#"[
        {"spanId":"0000000000000001","name":"GET /","kind":2,"attributes":{"http.route":"/"},"links":[]},
        {"spanId":"0000000000000002","parentSpanId":"0000000000000001","name":"embeddings","attributes":{"gen_ai.operation.name":"embeddings"}},
        {"spanId":"0000000000000003","name":"chat","attributes":{"gen_ai.operation.name":"chat","odd":[1],
            "gen_ai.input.messages":[{"role":"user","content":"u"}],"gen_ai.output.messages":[{"role":"assistant","content":"a"}]},
            "events":[{"name":"retry","attributes":{"after":5}}]}]"#;
    check(
        spans,
        r#"
        1 prompt.given <0 user `u`
        2 prompt.sent 0:0 <1 user@1 `u`
        3 prompt.answered 0:0 <2 0 calls `a` `{"traceId":"0af7651916cd43dd8448eb211c80319c","spanId":"0000`
        4 output.produced <3 `a`
        note /resourceSpans/0/scopeSpans/0/spans/0: other-span
        note /resourceSpans/0/scopeSpans/0/spans/1: other-span
        "#,
    );
    let run = trace(&document(&of_one_trace(spans)));
    let rest = String::from_utf8(run.drafts[0].contents[2].bytes.clone()).unwrap();
    assert!(rest.contains("http.route") && rest.contains("embeddings"), "{rest}");
    let answer = run.drafts.iter().find(|draft| matches!(draft.body, Body::PromptAnswered(_))).unwrap();
    let rest = String::from_utf8(answer.contents.last().unwrap().bytes.clone()).unwrap();
    assert!(rest.contains(r#""odd":[1]"#) && rest.contains(r#""after":5"#), "{rest}");
    assert!(!rest.contains("gen_ai.input.messages"), "a record holds it: {rest}");
}

#[test]
fn a_trace_without_genai_spans_is_an_opening_and_a_closing_record() {
    let run = trace(&document(&of_one_trace(
        r#"[{"spanId":"0000000000000001","name":"GET /","startTimeUnixNano":"1000","endTimeUnixNano":"9000","attributes":{"http.route":"/"}}]"#,
    )));
    assert_eq!(run.drafts.len(), 2);
    assert_lines(
        &ends(&run),
        r#"
        opened build unknown agents [] models [] session unknown run.opened t1 < `trace.json` `0af7651916cd43dd8448eb211c80319c` `[{"traceId":"0af7651916cd43dd8448eb211c80319c","spanId":"000`
        completed run.closed t9 <0
        "#,
    );
}

#[test]
fn an_execution_that_no_answer_asks_for_is_the_programs_own() {
    let spans = r#"[
        {"spanId":"0000000000000001","name":"execute_tool f","startTimeUnixNano":"1000","endTimeUnixNano":"2000",
            "attributes":{"gen_ai.operation.name":"execute_tool","gen_ai.tool.call.id":"c9","gen_ai.tool.call.arguments":{"x":1},"gen_ai.tool.call.result":{"y":2}}},
        {"spanId":"0000000000000002","name":"execute_tool g","startTimeUnixNano":"3000","endTimeUnixNano":"4000","attributes":{"gen_ai.operation.name":"execute_tool"}}]"#;
    check(
        spans,
        r#"
        1 tool.proposed t1 0:0 <0 f `{"x":1}` `c9`
        2 tool.returned t2 0:0 <1 `{"y":2}` `c9` `{"traceId":"0af7651916cd43dd8448eb211c80319c","spanId":"0000`
        3 tool.proposed t3 1:0 <0 g
        4 tool.returned t4 1:0 <3 `null` `{"traceId":"0af7651916cd43dd8448eb211c80319c","spanId":"0000`
        "#,
    );
}

#[test]
fn a_result_that_stands_only_in_the_next_prompt_ends_its_call() {
    let spans = r#"[
        {"spanId":"0000000000000001","name":"chat","startTimeUnixNano":"1000","endTimeUnixNano":"2000","attributes":{"gen_ai.operation.name":"chat",
            "gen_ai.input.messages":[{"role":"user","content":"u"}],
            "gen_ai.output.messages":[{"role":"assistant","tool_calls":[{"id":"c1","function":{"name":"f","arguments":"{}"}}]}]}},
        {"spanId":"0000000000000002","name":"chat","startTimeUnixNano":"3000","endTimeUnixNano":"4000","attributes":{"gen_ai.operation.name":"chat",
            "gen_ai.input.messages":[{"role":"user","content":"u"},{"role":"assistant","tool_calls":[{"id":"c1","function":{"name":"f","arguments":"{}"}}]},
                {"role":"tool","tool_call_id":"c1","content":"r"}],
            "gen_ai.output.messages":[{"role":"assistant","content":"a"}]}}]"#;
    check(
        spans,
        r#"
        1 prompt.given t1 <0 user `u`
        2 prompt.sent t1 0:0 <1 user@1 `u`
        3 prompt.answered t2 0:0 <2 1 calls {..} `{"traceId":"0af7651916cd43dd8448eb211c80319c","spanId":"0000`
        4 tool.proposed t2 0:0 <3 f `{}` `c1`
        5 tool.returned t3 0:0 <4 `r` `c1`
        6 prompt.sent t3 1:0 <1,3,5 keeps 0+1 assistant@3 tool@5 {..} `r`
        7 prompt.answered t4 1:0 <6 0 calls `a` `{"traceId":"0af7651916cd43dd8448eb211c80319c","spanId":"0000`
        8 output.produced t4 <7 `a`
        "#,
    );
}

#[test]
fn a_prompt_that_drops_or_changes_earlier_messages_keeps_what_is_the_same() {
    let call = |start: u32, input: &str| {
        format!(
            r#"{{"spanId":"{start:016x}","name":"chat","startTimeUnixNano":"{start}000","endTimeUnixNano":"{start}500","attributes":{{
            "gen_ai.operation.name":"chat","gen_ai.input.messages":[{input}],"gen_ai.output.messages":[{{"role":"assistant","content":"a{start}"}}]}}}}"#
        )
    };
    let user = |text: &str| format!(r#"{{"role":"user","content":"{text}"}}"#);
    let spans = [
        call(1, &[user("u"), user("v"), user("w")].join(",")),
        call(2, &[user("u"), user("w"), user("x")].join(",")),
        call(3, &[user("summary"), user("x")].join(",")),
        // The same text, but with something that is said about it.
        call(4, r#"{"role":"user","content":"summary"},{"role":"user","content":"x","pinned":"yes"}"#),
    ];
    check(
        &format!("[{}]", spans.join(",")),
        r#"
        1 prompt.given t1 <0 user `u`
        2 prompt.given t1 <0 user `v`
        3 prompt.given t1 <0 user `w`
        4 prompt.sent t1 0:0 <1-3 user@1 user@2 user@3 `u` `v` `w`
        5 prompt.answered t1 0:0 <4 0 calls `a1` `{"traceId":"0af7651916cd43dd8448eb211c80319c","spanId":"0000`
        6 output.produced t1 <5 `a1`
        7 prompt.given t2 <0 user `x`
        8 prompt.sent t2 1:0 <1,3,7 keeps 0+1 keeps 2+1 user@7 `x`
        9 prompt.answered t2 1:0 <8 0 calls `a2` `{"traceId":"0af7651916cd43dd8448eb211c80319c","spanId":"0000`
        10 output.produced t2 <9 `a2`
        11 prompt.given t3 <0 user `summary`
        12 prompt.sent t3 2:0 <7,11 user@11 user@7 `summary` `x`
        13 prompt.answered t3 2:0 <12 0 calls `a3` `{"traceId":"0af7651916cd43dd8448eb211c80319c","spanId":"0000`
        14 output.produced t3 <13 `a3`
        15 prompt.sent t4 3:0 <7,11 keeps 0+1 user@7 `x` `{"pinned":"yes"}`
        16 prompt.answered t4 3:0 <15 0 calls `a4` `{"traceId":"0af7651916cd43dd8448eb211c80319c","spanId":"0000`
        17 output.produced t4 <16 `a4`
        note /resourceSpans/0/scopeSpans/0/spans/3/gen_ai.input.messages/pinned: unknown-member
        "#,
    );
}

#[test]
fn each_agent_has_turns_and_prompts_of_its_own() {
    let call = |start: u32, agent: &str| {
        format!(
            r#"{{"spanId":"{start:016x}","name":"chat","startTimeUnixNano":"{start}000","endTimeUnixNano":"{start}000","attributes":{{
            "gen_ai.operation.name":"chat","gen_ai.agent.name":"{agent}","gen_ai.input.messages":[{{"role":"user","content":"u"}}],
            "gen_ai.output.messages":[{{"role":"assistant","content":"a{start}"}}]}}}}"#
        )
    };
    let spans = format!("[{},{},{}]", call(1, "planner"), call(2, "user"), call(3, "planner"));
    check(
        &spans,
        r#"
        1 prompt.given t1 <0 user `u`
        2 prompt.sent t1 0:0 <1 user@1 `u`
        3 prompt.answered t1 0:0 <2 0 calls `a1` `{"traceId":"0af7651916cd43dd8448eb211c80319c","spanId":"0000`
        4 output.produced t1 <3 `a1`
        5 prompt.sent t2 0:0 <1 user@1 `u`
        6 prompt.answered t2 0:0 <5 0 calls `a2` `{"traceId":"0af7651916cd43dd8448eb211c80319c","spanId":"0000`
        7 output.produced t2 <6 `a2`
        8 prompt.sent t3 1:0 <1 keeps 0+1
        9 prompt.answered t3 1:0 <8 0 calls `a3` `{"traceId":"0af7651916cd43dd8448eb211c80319c","spanId":"0000`
        10 output.produced t3 <9 `a3`
        note /resourceSpans/0/scopeSpans/0/spans/1: name-derived
        "#,
    );
    let run = trace(&document(&of_one_trace(&spans)));
    let actors: Vec<_> =
        run.drafts.iter().filter(|draft| draft.place.is_some()).map(|draft| draft.actor.as_str()).collect();
    // No agent of the source passes for one of the run's own actors.
    assert_eq!(actors[0], "planner");
    assert!(actors.iter().all(|actor| *actor == "planner" || actor.starts_with("name-")), "{actors:?}");
}

#[test]
fn traces_are_told_apart_wherever_their_spans_stand() {
    let span =
        |trace: &str, id: u32| format!(r#"{{"traceId":"{trace}","spanId":"{id:016x}","name":"s{id}"}}"#);
    // Base64 and capital letters are other ways to write the same id.
    let text = [
        document(&format!("[{},{}]", span("0AF7651916CD43DD8448EB211C80319C", 1), span("t2", 2))),
        "no json".to_owned(),
        document(&format!("[{},{}]", span("t2", 3), span("CvdlGRbNQ92ESOshHIAxnA==", 4))),
    ];
    let found: Vec<_> = Format::Otel
        .entries("traces.jsonl", text.join("\n").as_bytes())
        .map(|entry| match Format::Otel.import(entry) {
            Ok(run) => {
                check_shape(&run);
                format!("{} {} {} notes", run.entry, run.id.unwrap(), run.notes.len())
            }
            Err(error) => error.to_string(),
        })
        .collect();
    assert_eq!(
        found,
        [
            "0 0af7651916cd43dd8448eb211c80319c 2 notes",
            "0 t2 2 notes",
            "traces.jsonl: entry 1, line 2, column 2: expected ident",
        ]
    );
}

#[test]
fn log_records_are_events_of_their_spans() {
    let run = trace(
        r#"{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"0af7651916cd43dd8448eb211c80319c","spanId":"b7ad6b7169203331","name":"chat","attributes":[
            {"key":"gen_ai.operation.name","value":{"stringValue":"chat"}}]}]}]}],
          "resourceLogs":[{"scopeLogs":[{"logRecords":[
            {"traceId":"0af7651916cd43dd8448eb211c80319c","spanId":"b7ad6b7169203331","eventName":"gen_ai.user.message","body":{"kvlistValue":{"values":[
                {"key":"content","value":{"stringValue":"u"}}]}}},
            {"traceId":"0af7651916cd43dd8448eb211c80319c","spanId":"b7ad6b7169203331","attributes":[{"key":"event.name","value":{"stringValue":"gen_ai.choice"}}],
                "body":{"kvlistValue":{"values":[{"key":"message","value":{"kvlistValue":{"values":[{"key":"content","value":{"stringValue":"a"}}]}}}]}}}]}]}]}"#,
    );
    assert_lines(
        &outline(&run),
        r#"
        1 prompt.given <0 user `u`
        2 prompt.sent 0:0 <1 user@1 `u`
        3 prompt.answered 0:0 <2 0 calls `a` `{"traceId":"0af7651916cd43dd8448eb211c80319c","spanId":"b7ad`
        4 output.produced <3 `a`
        "#,
    );
}

#[test]
fn spans_that_are_none_are_refused_and_do_not_stop_the_others() {
    for (text, expected) in [
        (
            document(r#"[{"name":"s"},{"traceId":"t","spanId":"1","name":"ok"}]"#),
            &[
                "f.json: entry 0, line 1, at /resourceSpans/0/scopeSpans/0/spans/0: this is no span: it has no span id, or no name",
                "t",
            ][..],
        ),
        (
            document(r#"[{"spanId":"1","name":"s"}]"#),
            &["f.json: entry 0, line 1, at /resourceSpans/0/scopeSpans/0/spans/0: the span has no trace id"],
        ),
        (
            document("[7]"),
            &[
                "f.json: entry 0, line 1, at /resourceSpans/0/scopeSpans/0/spans/0: expected a span: an object, found a number",
            ],
        ),
        (
            r#"{"resourceLogs":[{"scopeLogs":[{"logRecords":[7,{"body":"x"}]}]}]}"#.to_owned(),
            &[
                "f.json: entry 0, line 1, at /resourceLogs/0/scopeLogs/0/logRecords/0: expected a span: an object, found a number",
                "f.json: entry 0, line 1, at /resourceLogs/0/scopeLogs/0/logRecords/1: the span has no trace id",
            ],
        ),
        (
            r#"[[[[[[[[[{"traceId":"t","spanId":"1","name":"deep"}]]]]]]]]]"#.to_owned(),
            &[
                "f.json: entry 0, line 1, at /0/0/0/0/0/0/0/0/0: spans are looked for 8 levels deep, and this is deeper",
            ],
        ),
        (
            document("{}"),
            &[
                "f.json: entry 0, line 1, at /resourceSpans/0/scopeSpans/0/spans: expected a list of spans, found an object",
            ],
        ),
        (
            "{}".to_owned(),
            &[
                "f.json: entry 0, line 1: no span of a trace found: expected OTLP/JSON, spans with a trace id, a Jaeger or a Langfuse export",
            ],
        ),
        (
            r#"{"resourceSpans":[]}"#.to_owned(),
            &[
                "f.json: entry 0, line 1: no span of a trace found: expected OTLP/JSON, spans with a trace id, a Jaeger or a Langfuse export",
            ],
        ),
    ] {
        let runs = Format::Otel.entries("f.json", text.as_bytes()).map(|entry| Format::Otel.import(entry));
        let found: Vec<_> =
            runs.map(|run| run.map_or_else(|error| error.to_string(), |run| run.id.unwrap())).collect();
        assert_eq!(found, expected, "{text}");
    }
}

#[test]
fn a_circle_of_parents_and_a_span_that_is_its_own_parent_end() {
    let spans = r#"[
        {"spanId":"0000000000000001","parentSpanId":"0000000000000002","name":"a","attributes":{"gen_ai.operation.name":"chat","gen_ai.input.messages":[{"role":"user","content":"u"}]}},
        {"spanId":"0000000000000002","parentSpanId":"0000000000000001","name":"b","attributes":{"gen_ai.agent.name":"x"}},
        {"spanId":"0000000000000003","parentSpanId":"0000000000000003","name":"c","attributes":{}}]"#;
    check(
        spans,
        r#"
        1 prompt.given <0 user `u`
        2 prompt.sent 0:0 <1 user@1 `u` `{"traceId":"0af7651916cd43dd8448eb211c80319c","spanId":"0000`
        note /resourceSpans/0/scopeSpans/0/spans/2: other-span
        note /resourceSpans/0/scopeSpans/0/spans/1: other-span
        note /resourceSpans/0/scopeSpans/0/spans/0: answer-not-given
        "#,
    );
}

/// Nanoseconds that this thread has had of a processor.
#[cfg(target_os = "linux")]
#[expect(clippy::disallowed_methods, reason = "time is what is tested")]
fn processor_ns() -> u64 {
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    told.split(' ').next().unwrap().parse().unwrap()
}

#[cfg(target_os = "linux")]
#[test]
fn the_time_of_an_import_grows_with_the_file_and_not_with_its_square() {
    let time = |traces: usize| {
        let span = |i| {
            format!(
                r#"{{"traceId":"{i:032x}","spanId":"{i:016x}","name":"chat","startTimeUnixNano":"1","attributes":[{{"key":"gen_ai.operation.name","value":{{"stringValue":"chat"}}}}]}}"#
            )
        };
        let file = document(&format!("[{}]", (0..traces).map(span).collect::<Vec<_>>().join(",")));
        let import = || {
            let start = processor_ns();
            let runs =
                Format::Otel.entries("t.json", file.as_bytes()).map(|entry| Format::Otel.import(entry));
            assert_eq!(runs.filter(|run| run.is_ok()).count(), traces);
            processor_ns() - start
        };
        // What else the machine does makes some longer, and none shorter.
        (0..3).map(|_| import()).min().unwrap()
    };
    // What takes less than a tick is not counted.
    let (few, many) = (time(400).max(4_000_000), time(3_200));
    assert!(many < 20 * few, "eight times the traces took {many} ns, {few} ns");
}
