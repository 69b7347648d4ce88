//! Chat transcripts in the shapes that occur.

use rederive_import::{Format, NoteKind};

use crate::outline::{assert_lines, chat, ends, only_run, outline};

/// The records between opening and closing of a transcript that is a list of messages, and its notes.
#[track_caller]
fn check(messages: &str, expected: &str) {
    assert_lines(&outline(&chat(messages)), expected);
}

/// The opening and the closing record of an entry.
#[track_caller]
fn check_ends(entry: &str, expected: &str) {
    assert_lines(&ends(&chat(entry)), expected);
}

#[test]
fn a_conversation_is_given_sent_answered_and_produced() {
    check(
        r#"[{"role":"system","content":"s"},{"role":"user","content":"u"},{"role":"assistant","content":"a"},
            {"role":"user","content":"v"},{"role":"assistant","content":"b"}]"#,
        r#"
        1 prompt.given <0 system `s`
        2 prompt.given <0 user `u`
        3 prompt.sent 0:0 <1-2 system@1 user@2 `s` `u`
        4 prompt.answered 0:0 <3 0 calls `a`
        5 output.produced <4 `a`
        6 prompt.given <0 user `v`
        7 prompt.sent 1:0 <1-6 keeps 0+2 assistant@4 user@6 `a` `v`
        8 prompt.answered 1:0 <7 0 calls `b`
        9 output.produced <8 `b`
        "#,
    );
}

#[test]
fn a_call_is_proposed_returned_and_part_of_the_next_prompt() {
    check(
        r#"[{"role":"user","content":"u"},
            {"role":"assistant","content":null,"tool_calls":[
                {"id":"c1","type":"function","function":{"name":"f","arguments":"{\"x\":1}"}}]},
            {"role":"tool","tool_call_id":"c1","content":"r"},
            {"role":"assistant","content":"done"}]"#,
        r#"
        1 prompt.given <0 user `u`
        2 prompt.sent 0:0 <1 user@1 `u`
        3 prompt.answered 0:0 <2 1 calls {..}
        4 tool.proposed 0:0 <3 f `{"x":1}` `c1`
        5 tool.returned 0:0 <4 `r` `c1`
        6 prompt.sent 1:0 <1-5 keeps 0+1 assistant@3 tool@5 {..} `r`
        7 prompt.answered 1:0 <6 0 calls `done`
        8 output.produced <7 `done`
        "#,
    );
}

#[test]
fn content_may_be_a_string_null_empty_absent_or_a_list_of_parts() {
    check(
        r#"[{"role":"user","content":"u"},
            {"role":"user","content":[{"type":"text","text":"p"},{"type":"text","content":"q"},"bare"]},
            {"role":"user","content":{"type":"text","text":"o"}},
            {"role":"user","content":[{"type":"image_url","image_url":{"url":"data:"}},{"type":"input_text","text":"i"}]},
            {"role":"user","content":null},
            {"role":"user"},
            {"role":"user","content":""},
            {"role":"user","content":[]},
            {"role":"user","content":7},
            {"role":"assistant","content":[{"type":"text","text":"x"},{"type":"output_text","text":"y","annotations":[]}]},
            {"role":"assistant","content":null},
            {"role":"assistant","content":""}]"#,
        r#"
        1 prompt.given <0 user `u`
        2 prompt.given <0 user `p`
        3 prompt.given <0 user `q`
        4 prompt.given <0 user `bare`
        5 prompt.given <0 user `o`
        6 prompt.given <0 user `{"type":"image_url","image_url":{"url":"data:"}}`
        7 prompt.given <0 user `i`
        8 prompt.given <0 user `{"role":"user","content":null}`
        9 prompt.given <0 user `{"role":"user"}`
        10 prompt.given <0 user ``
        11 prompt.given <0 user `{"role":"user","content":[]}`
        12 prompt.given <0 user `7`
        13 prompt.sent 0:0 <1-12 user@1 user@2 user@3 user@4 user@5 user@6 user@7 user@8 user@9 user@10 user@11 user@12 `u` `p` `q` `bare` `o` `{"type":"image_url","image_url":{"url":"data:"}}` `i` `{"role":"user","content":null}` `{"role":"user"}` `` `{"role":"user","content":[]}` `7`
        14 prompt.answered 0:0 <13 0 calls {..} `x` `y`
        15 output.produced <14 `x`
        16 output.produced <14 `y`
        17 prompt.sent 1:0 <1-16 keeps 0+12 assistant@14 {..}
        18 prompt.answered 1:0 <17 0 calls {..}
        19 prompt.sent 2:0 <1-18 keeps 0+13 assistant@18 {..}
        20 prompt.answered 2:0 <19 0 calls {..}
        note /8/content: unexpected-value
        "#,
    );
}

#[test]
fn arguments_are_an_object_a_json_string_or_text_that_is_no_json() {
    check(
        r#"[{"role":"user","content":"u"},
            {"role":"assistant","content":"","tool_calls":[
                {"id":"a","function":"f","args":{"x":{"y":[1]}}},
                {"id":"b","function":{"name":"f","arguments":"{\"x\": 1.0}"}},
                {"id":"c","function":{"name":"f","arguments":"{\"x\": "}},
                {"id":"d","function":{"name":"f","arguments":""}},
                {"id":"e","function":{"name":"f","arguments":null}},
                {"id":"f","function":{"name":"f"}},
                {"id":"g","function":{"name":"f","arguments":[1]}},
                {"id":"h","name":"f","input":{}}]}]"#,
        r#"
        1 prompt.given <0 user `u`
        2 prompt.sent 0:0 <1 user@1 `u`
        3 prompt.answered 0:0 <2 8 calls {..}
        4 tool.proposed 0:0 <3 f `{"x":{"y":[1]}}` `a`
        5 tool.proposed 0:1 <3 f `{"x": 1.0}` `b`
        6 tool.proposed 0:2 <3 f `{"x": ` `c`
        7 tool.proposed 0:3 <3 f `` `d`
        8 tool.proposed 0:4 <3 f `e`
        9 tool.proposed 0:5 <3 f `f`
        10 tool.proposed 0:6 <3 f `[1]` `g`
        11 tool.proposed 0:7 <3 f `{}` `h`
        note /1/tool_calls/2: arguments-not-json
        note /1/tool_calls/3: arguments-not-json
        note /1/tool_calls/0: call-without-result
        note /1/tool_calls/1: call-without-result
        note /1/tool_calls/2: call-without-result
        note /1/tool_calls/3: call-without-result
        note /1/tool_calls/4: call-without-result
        note /1/tool_calls/5: call-without-result
        note /1/tool_calls/6: call-without-result
        note /1/tool_calls/7: call-without-result
        "#,
    );
}

#[test]
fn missing_null_and_empty_ids_pair_by_order() {
    check(
        r#"[{"role":"user","content":"u"},
            {"role":"assistant","content":null,"tool_calls":[
                {"id":null,"function":"f","args":{}},{"id":"","function":"g","args":{}},{"function":"h","args":{}}]},
            {"role":"tool","tool_call_id":"","content":"1"},
            {"role":"tool","tool_call_id":null,"content":"2"},
            {"role":"tool","content":"3"}]"#,
        r#"
        1 prompt.given <0 user `u`
        2 prompt.sent 0:0 <1 user@1 `u`
        3 prompt.answered 0:0 <2 3 calls {..}
        4 tool.proposed 0:0 <3 f `{}`
        5 tool.proposed 0:1 <3 g `{}`
        6 tool.proposed 0:2 <3 h `{}`
        7 tool.returned 0:0 <4 `1`
        8 tool.returned 0:1 <5 `2`
        9 tool.returned 0:2 <6 `3`
        "#,
    );
}

#[test]
fn a_result_without_an_id_that_names_its_tool_ends_a_call_of_that_tool() {
    check(
        r#"[{"role":"assistant","content":null,"tool_calls":[{"function":"f","args":{}},{"function":"g","args":{}}]},
            {"role":"tool","name":"g","content":"of g"},
            {"role":"tool","name":"f","content":"of f"},
            {"role":"tool","name":"k","content":"of none"}]"#,
        r#"
        1 prompt.answered 0:0 < 2 calls {..}
        2 tool.proposed 0:0 <1 f `{}`
        3 tool.proposed 0:1 <1 g `{}`
        4 tool.returned 0:1 <3 `of g`
        5 tool.returned 0:0 <2 `of f`
        6 context.retrieved <0 `{"name":"k"}` `of none`
        note /0: prompt-not-given
        note /3: result-without-call
        "#,
    );
}

#[test]
fn of_two_names_of_a_tool_and_two_ids_the_second_is_kept_beside() {
    check(
        r#"[{"role":"assistant","content":null,"tool_calls":[{"id":"c1","function":"f","args":{}}]},
            {"role":"tool","tool_call_id":"c1","call_id":"c2","name":"f","toolName":"F","content":"r"}]"#,
        r#"
        1 prompt.answered 0:0 < 1 calls {..}
        2 tool.proposed 0:0 <1 f `{}` `c1`
        3 tool.returned 0:0 <2 `r` `c1` `{"call_id":"c2","toolName":"F"}`
        note /1/call_id: unknown-member
        note /1/toolName: unknown-member
        note /0: prompt-not-given
        "#,
    );
}

#[test]
fn of_two_models_and_reasons_to_stop_the_second_is_kept_with_the_answer() {
    check(
        r#"[{"role":"assistant","content":"a","model":"m","model_name":"n","finish_reason":"stop","stop_reason":"tool_use"},
            {"role":"assistant","content":"b","model":5,"model_name":"n"}]"#,
        r#"
        1 prompt.answered 0:0 < 0 calls stop end by m {..} `a`
        2 output.produced <1 `a`
        3 prompt.sent 1:0 <1-2 assistant@1 {..}
        4 prompt.answered 1:0 <3 0 calls by n {..} `b`
        5 output.produced <4 `b`
        note /0/model_name: unknown-member
        note /0/stop_reason: unknown-member
        note /1/model: unknown-member
        note /0: prompt-not-given
        "#,
    );
}

#[test]
fn a_repeated_id_belongs_to_the_latest_turn_and_in_it_to_the_first_call() {
    check(
        r#"[{"role":"user","content":"u"},
            {"role":"assistant","content":null,"tool_calls":[{"id":"i","function":"f","args":{}}]},
            {"role":"assistant","content":null,"tool_calls":[
                {"id":"i","function":"g","args":{}},{"id":"i","function":"h","args":{}}]},
            {"role":"tool","tool_call_id":"i","content":"of g"},
            {"role":"tool","tool_call_id":"i","content":"of h"},
            {"role":"tool","tool_call_id":"i","content":"of f"},
            {"role":"tool","tool_call_id":"i","content":"of none"}]"#,
        r#"
        1 prompt.given <0 user `u`
        2 prompt.sent 0:0 <1 user@1 `u`
        3 prompt.answered 0:0 <2 1 calls {..}
        4 tool.proposed 0:0 <3 f `{}` `i`
        5 prompt.sent 1:0 <1-4 keeps 0+1 assistant@3 {..}
        6 prompt.answered 1:0 <5 2 calls {..}
        7 tool.proposed 1:0 <6 g `{}` `i`
        8 tool.proposed 1:1 <6 h `{}` `i`
        9 tool.returned 1:0 <7 `of g` `i`
        10 tool.returned 1:1 <8 `of h` `i`
        11 tool.returned 0:0 <4 `of f` `i`
        12 context.retrieved <0 `i` `of none`
        note /3: repeated-call-id
        note /4: repeated-call-id
        note /6: result-without-call
        "#,
    );
}

#[test]
fn an_id_that_is_a_number_is_one() {
    check(
        r#"[{"role":"assistant","content":null,"tool_calls":[
                {"id":1,"function":"f","args":{}},{"id":2,"function":"g","args":{}}]},
            {"role":"tool","tool_call_id":2,"content":"of g"},
            {"role":"tool","tool_call_id":1,"content":"of f"}]"#,
        r#"
        1 prompt.answered 0:0 < 2 calls {..}
        2 tool.proposed 0:0 <1 f `{}` `1`
        3 tool.proposed 0:1 <1 g `{}` `2`
        4 tool.returned 0:1 <3 `of g` `2`
        5 tool.returned 0:0 <2 `of f` `1`
        note /0: prompt-not-given
        "#,
    );
}

#[test]
fn what_is_not_understood_of_the_function_that_a_call_names_is_noted() {
    check(
        r#"[{"role":"assistant","content":null,"tool_calls":[
            {"id":"a","function":{"name":"f","arguments":"{}","strict":true,"x":null}},
            {"id":"b","function":5},{"id":"c","function":{"name":7}},{"id":"d","name":"g"}]}]"#,
        r#"
        1 prompt.answered 0:0 < 4 calls {..}
        2 tool.proposed 0:0 <1 f `{}` `a`
        3 tool.proposed 0:1 <1 unknown `b`
        4 tool.proposed 0:2 <1 unknown `c`
        5 tool.proposed 0:3 <1 g `d`
        note /0/tool_calls/0/function/strict: unknown-member
        note /0/tool_calls/1/function: unexpected-value
        note /0/tool_calls/2: unexpected-value
        note /0: prompt-not-given
        note /0/tool_calls/0: call-without-result
        note /0/tool_calls/1: call-without-result
        note /0/tool_calls/2: call-without-result
        note /0/tool_calls/3: call-without-result
        "#,
    );
}

#[test]
fn results_stand_at_their_calls_place_in_the_order_of_their_arrival() {
    check(
        r#"[{"role":"assistant","content":"two","tool_calls":[
                {"id":"a","function":"f","args":{}},{"id":"b","function":"g","args":{}}]},
            {"role":"tool","tool_call_id":"b","content":"of b"},
            {"role":"user","content":"wait"},
            {"role":"tool","tool_call_id":"a","content":"of a"},
            {"role":"assistant","content":"done"}]"#,
        r#"
        1 prompt.answered 0:0 < 2 calls {..} `two`
        2 tool.proposed 0:0 <1 f `{}` `a`
        3 tool.proposed 0:1 <1 g `{}` `b`
        4 tool.returned 0:1 <3 `of b` `b`
        5 prompt.given <0 user `wait`
        6 tool.returned 0:0 <2 `of a` `a`
        7 prompt.sent 1:0 <1-6 assistant@1 tool@4 user@5 tool@6 {..} `of b` `wait` `of a`
        8 prompt.answered 1:0 <7 0 calls `done`
        9 output.produced <8 `done`
        note /0: prompt-not-given
        "#,
    );
}

#[test]
fn errors_are_failures_with_what_was_said_of_them() {
    check(
        r#"[{"role":"assistant","content":null,"tool_calls":[
                {"id":"a","function":"f","args":{}},{"id":"b","function":"f","args":{}},
                {"id":"c","function":"f","args":{}},{"id":"d","function":"f","args":{}},
                {"id":"e","function":"f","args":{}}]},
            {"role":"tool","tool_call_id":"a","content":"","error":"ValueError: no"},
            {"role":"tool","tool_call_id":"b","content":"half","error":{"code":5}},
            {"role":"tool","tool_call_id":"c","content":"went wrong","is_error":true},
            {"role":"tool","tool_call_id":"d","content":"well","is_error":false,"error":null},
            {"role":"tool","tool_call_id":"e","content":null}]"#,
        r#"
        1 prompt.answered 0:0 < 5 calls {..}
        2 tool.proposed 0:0 <1 f `{}` `a`
        3 tool.proposed 0:1 <1 f `{}` `b`
        4 tool.proposed 0:2 <1 f `{}` `c`
        5 tool.proposed 0:3 <1 f `{}` `d`
        6 tool.proposed 0:4 <1 f `{}` `e`
        7 tool.failed 0:0 <2 `ValueError: no` `a`
        8 tool.failed 0:1 <3 `half` `{"code":5}` `b`
        9 tool.failed 0:2 <4 `went wrong` `c`
        10 tool.returned 0:3 <5 `well` `d`
        11 tool.returned 0:4 <6 `null` `e`
        note /0: prompt-not-given
        "#,
    );
}

#[test]
fn a_result_that_repeats_its_call_keeps_the_echo_only_where_it_differs() {
    check(
        r#"[{"role":"assistant","content":null,"tool_calls":[
                {"function":"f","args":{"x":1},"id":"a"},{"function":"f","args":{"x":2},"id":"b"}]},
            {"role":"tool","tool_call_id":"a","content":"1","tool_call":{"function":"f","args":{"x":1},"id":"a"},"error":null},
            {"role":"tool","tool_call_id":"b","content":"2","tool_call":{"function":"f","args":{"x":"redacted"},"id":"b"}}]"#,
        r#"
        1 prompt.answered 0:0 < 2 calls {..}
        2 tool.proposed 0:0 <1 f `{"x":1}` `a`
        3 tool.proposed 0:1 <1 f `{"x":2}` `b`
        4 tool.returned 0:0 <2 `1` `a`
        5 tool.returned 0:1 <3 `2` `b` `{"tool_call":{"function":"f","args":{"x":"redacted"},"id":"b`
        note /0: prompt-not-given
        "#,
    );
}

#[test]
fn a_result_that_belongs_to_no_call_is_data_from_outside() {
    check(
        r#"[{"role":"user","content":"u"},
            {"role":"tool","tool_call_id":"x","content":"r","error":"E","name":"f"},
            {"role":"assistant","content":"a"}]"#,
        r#"
        1 prompt.given <0 user `u`
        2 context.retrieved <0 `x` `E` `{"name":"f"}` `r`
        3 prompt.sent 0:0 <1-2 user@1 tool@2 tool@2 `u` `r` `E`
        4 prompt.answered 0:0 <3 0 calls `a`
        5 output.produced <4 `a`
        note /1: result-without-call
        "#,
    );
}

#[test]
fn the_function_calls_of_before_tools() {
    check(
        r#"[{"role":"user","content":"u"},
            {"role":"assistant","content":null,"function_call":{"name":"f","arguments":"{}"}},
            {"role":"function","name":"f","content":"r"},
            {"role":"assistant","content":"done","function_call":null}]"#,
        r#"
        1 prompt.given <0 user `u`
        2 prompt.sent 0:0 <1 user@1 `u`
        3 prompt.answered 0:0 <2 1 calls {..}
        4 tool.proposed 0:0 <3 f `{}`
        5 tool.returned 0:0 <4 `r`
        6 prompt.sent 1:0 <1-5 keeps 0+1 assistant@3 tool@5 {..} `r`
        7 prompt.answered 1:0 <6 0 calls `done`
        8 output.produced <7 `done`
        "#,
    );
}

#[test]
fn anthropic_blocks() {
    check(
        r#"[{"role":"user","content":"u"},
            {"role":"assistant","content":[
                {"type":"thinking","thinking":"hm","signature":"sig"},
                {"type":"text","text":"I look."},
                {"type":"tool_use","id":"t1","name":"f","input":{"x":1}},
                {"type":"tool_use","id":"t2","name":"g","input":{}}],"stop_reason":"tool_use","model":"claude"},
            {"role":"user","content":[
                {"type":"tool_result","tool_use_id":"t2","content":"bad","is_error":true},
                {"type":"tool_result","tool_use_id":"t1","content":[{"type":"text","text":"r"}]},
                {"type":"text","text":"go on"}]},
            {"role":"assistant","content":[{"type":"text","text":"done","cache_control":{"type":"ephemeral"}}],"stop_reason":"end_turn"}]"#,
        r#"
        1 prompt.given <0 user `u`
        2 prompt.sent 0:0 <1 user@1 `u`
        3 prompt.answered 0:0 <2 2 calls stop calls by claude {..} `hm` `I look.`
        4 tool.proposed 0:0 <3 f `{"x":1}` `t1`
        5 tool.proposed 0:1 <3 g `{}` `t2`
        6 tool.failed 0:1 <5 `bad` `t2`
        7 tool.returned 0:0 <4 `r` `t1`
        8 prompt.given <0 user `go on`
        9 prompt.sent 1:0 <1-8 keeps 0+1 assistant@3 tool@6 tool@7 user@8 {..} `bad` `r` `go on`
        10 prompt.answered 1:0 <9 0 calls stop end {..} `done`
        11 output.produced <10 `done`
        note /1/content/0/signature: unknown-member
        note /3/content/0/cache_control: unknown-member
        "#,
    );
}

#[test]
fn items_of_the_responses_interface() {
    check(
        r#"[{"role":"user","content":[{"type":"input_text","text":"u"}],"type":"message"},
            {"type":"reasoning","id":"rs_1","summary":[{"type":"summary_text","text":"hm"}]},
            {"type":"function_call","id":"fc_1","call_id":"c1","name":"f","arguments":"{}","status":"completed"},
            {"type":"function_call_output","call_id":"c1","output":"r"},
            {"type":"message","role":"assistant","id":"msg_1","status":"completed","content":[
                {"type":"output_text","text":"done","annotations":[]}]}]"#,
        r#"
        1 prompt.given <0 user `u`
        2 prompt.sent 0:0 <1 user@1 `u`
        3 prompt.answered 0:0 <2 1 calls `[{"type":"reasoning","id":"rs_1","summary":[{"type":"summary` `hm`
        4 tool.proposed 0:0 <3 f `{}` `c1`
        5 tool.returned 0:0 <4 `r` `c1`
        6 prompt.sent 1:0 <1-5 keeps 0+1 assistant@3 tool@5 `[{"type":"reasoning","id":"rs_1","summary":[{"type":"summary` `r`
        7 prompt.answered 1:0 <6 0 calls `{"type":"message","role":"assistant","id":"msg_1","status":"` `done`
        8 output.produced <7 `done`
        "#,
    );
}

#[test]
fn items_that_follow_each_other_are_one_answer() {
    check(
        r#"[{"role":"user","content":"u"},
            {"type":"function_call","call_id":"c1","name":"f","arguments":"{}"},
            {"type":"function_call","call_id":"c2","name":"g","arguments":"{}"},
            {"type":"function_call_output","call_id":"c2","output":"of g"},
            {"type":"function_call_output","call_id":"c1","output":"of f"}]"#,
        r#"
        1 prompt.given <0 user `u`
        2 prompt.sent 0:0 <1 user@1 `u`
        3 prompt.answered 0:0 <2 2 calls `[{"type":"function_call","call_id":"c1","name":"f","argument`
        4 tool.proposed 0:0 <3 f `{}` `c1`
        5 tool.proposed 0:1 <3 g `{}` `c2`
        6 tool.returned 0:1 <5 `of g` `c2`
        7 tool.returned 0:0 <4 `of f` `c1`
        "#,
    );
}

#[test]
fn gemini_contents() {
    check(
        r#"[{"role":"user","parts":[{"text":"u"}]},
            {"role":"model","parts":[{"text":"I look."},{"functionCall":{"name":"f","args":{"x":1}},"thoughtSignature":"sig"}]},
            {"role":"user","parts":[{"functionResponse":{"name":"f","response":{"result":"r"}}}]},
            {"role":"model","parts":[{"text":"done"}],"finish_reason":"STOP"}]"#,
        r#"
        1 prompt.given <0 user `u`
        2 prompt.sent 0:0 <1 user@1 `u`
        3 prompt.answered 0:0 <2 1 calls {..} `I look.`
        4 tool.proposed 0:0 <3 f `{"x":1}`
        5 tool.returned 0:0 <4 `{"result":"r"}`
        6 prompt.sent 1:0 <1-5 keeps 0+1 assistant@3 tool@5 {..} `{"result":"r"}`
        7 prompt.answered 1:0 <6 0 calls stop end `done`
        8 output.produced <7 `done`
        note /1/parts/1/thoughtSignature: unknown-member
        "#,
    );
}

#[test]
fn langchain_messages() {
    check(
        r#"[{"role":"system","content":"s"},
            {"type":"human","content":"u","example":false},
            {"type":"ai","content":"","tool_calls":[{"name":"f","args":{"x":1},"id":"c1","type":"tool_call"}],"additional_kwargs":{}},
            {"type":"tool","content":"r","tool_call_id":"c1","name":"f","status":"success"},
            {"role":"assistant","content":"","additional_kwargs":{"tool_calls":[
                {"id":"c2","type":"function","function":{"name":"f","arguments":"{}"}}]}},
            {"type":"ai","content":"done"}]"#,
        r#"
        1 prompt.given <0 system `s`
        2 prompt.given <0 user `u` `{"example":false}`
        3 prompt.sent 0:0 <1-2 system@1 user@2 `s` `u`
        4 prompt.answered 0:0 <3 1 calls `{"type":"ai","content":"","tool_calls":[{"name":"f","args":{`
        5 tool.proposed 0:0 <4 f `{"x":1}` `c1`
        6 tool.returned 0:0 <5 `r` `c1`
        7 prompt.sent 1:0 <1-6 keeps 0+2 assistant@4 tool@6 `{"type":"ai","content":"","tool_calls":[{"name":"f","args":{` `r`
        8 prompt.answered 1:0 <7 1 calls {..}
        9 tool.proposed 1:0 <8 f `{}` `c2`
        10 prompt.sent 2:0 <1-9 keeps 0+4 assistant@8 {..}
        11 prompt.answered 2:0 <10 0 calls `done`
        12 output.produced <11 `done`
        note /1/example: unknown-member
        note /4/additional_kwargs/tool_calls/0: call-without-result
        "#,
    );
}

#[test]
fn langchain_messages_with_their_data_apart() {
    check(
        r#"[{"type":"human","data":{"content":"u","type":"human","example":false}},
            {"type":"ai","data":{"content":"a"}},
            {"type":"ai","data":{"content":"b"},"id":"kept"}]"#,
        r#"
        1 prompt.given <0 user `u` `{"example":false}`
        2 prompt.sent 0:0 <1 user@1 `u`
        3 prompt.answered 0:0 <2 0 calls `a`
        4 output.produced <3 `a`
        5 prompt.sent 1:0 <1-4 keeps 0+1 assistant@3 `a`
        6 prompt.answered 1:0 <5 0 calls `{"type":"ai","data":{"content":"b"},"id":"kept"}`
        note /0/data/example: unknown-member
        note /2/data: unknown-member
        note /2/id: unknown-member
        "#,
    );
}

#[test]
fn parts_of_the_vercel_sdk() {
    check(
        r#"[{"role":"assistant","content":[{"type":"tool-call","toolCallId":"c1","toolName":"f","input":{"x":1}}]},
            {"role":"tool","content":[
                {"type":"tool-result","toolCallId":"c1","toolName":"f","output":{"type":"text","value":"r"}}]}]"#,
        r#"
        1 prompt.answered 0:0 < 1 calls {..}
        2 tool.proposed 0:0 <1 f `{"x":1}` `c1`
        3 tool.returned 0:0 <2 `{"type":"text","value":"r"}` `c1`
        note /0: prompt-not-given
        "#,
    );
}

#[test]
fn parts_of_the_opentelemetry_conventions() {
    check(
        r#"[{"role":"user","parts":[{"type":"text","content":"u"}]},
            {"role":"assistant","parts":[{"type":"reasoning","content":"hm"},
                {"type":"tool_call","id":"c1","name":"f","arguments":{"x":1}}],"finish_reason":"tool_call"},
            {"role":"tool","parts":[{"type":"tool_call_response","id":"c1","response":"r"}]},
            {"role":"assistant","parts":[{"type":"text","content":"done"}],"finish_reason":"stop"}]"#,
        r#"
        1 prompt.given <0 user `u`
        2 prompt.sent 0:0 <1 user@1 `u`
        3 prompt.answered 0:0 <2 1 calls stop calls {..} `hm`
        4 tool.proposed 0:0 <3 f `{"x":1}` `c1`
        5 tool.returned 0:0 <4 `r` `c1`
        6 prompt.sent 1:0 <1-5 keeps 0+1 assistant@3 tool@5 {..} `r`
        7 prompt.answered 1:0 <6 0 calls stop end `done`
        8 output.produced <7 `done`
        "#,
    );
}

#[test]
fn reasoning_refusals_models_and_stop_reasons_beside_the_content() {
    check(
        r#"[{"role":"user","content":"u"},
            {"role":"assistant","content":"a","reasoning_content":"hm","finish_reason":"length","model":"m-1"},
            {"role":"assistant","content":null,"refusal":"I will not","finish_reason":"content_filter"},
            {"role":"assistant","content":"b","finish_reason":"odd"}]"#,
        r#"
        1 prompt.given <0 user `u`
        2 prompt.sent 0:0 <1 user@1 `u`
        3 prompt.answered 0:0 <2 0 calls stop length by m-1 {..} `hm` `a`
        4 output.produced <3 `a`
        5 prompt.sent 1:0 <1-4 keeps 0+1 assistant@3 {..}
        6 prompt.answered 1:0 <5 0 calls stop filtered `I will not`
        7 output.produced <6 `I will not`
        8 prompt.sent 2:0 <1-7 keeps 0+2 assistant@6 `I will not`
        9 prompt.answered 2:0 <8 0 calls stop other {..} `b`
        10 output.produced <9 `b`
        note /3/finish_reason: unknown-member
        "#,
    );
}

#[test]
fn unknown_roles_parts_and_members_stand_as_content() {
    check(
        r#"[{"role":"critic","content":"c"},
            {"role":7,"content":"n"},
            {"content":"nobody"},
            {"role":"user","content":[{"type":"odd","x":1},{"x":2},3],"timestamp":"12:00"},
            {"role":"assistant","content":[{"type":"odd","x":1}],"weight":0.5},
            {"role":"user","content":"u","tool_calls":[{"function":"f","args":{}}]},
            {"role":"assistant","content":"b","tool_calls":"none"}]"#,
        r#"
        1 context.retrieved <0 `c` `{"role":"critic"}`
        2 context.retrieved <0 `n` `{"role":7}`
        3 context.retrieved <0 `nobody`
        4 prompt.given <0 user `{"type":"odd","x":1}` `{"timestamp":"12:00"}`
        5 prompt.given <0 user `{"x":2}`
        6 prompt.given <0 user `3`
        7 prompt.sent 0:0 <1-6 tool@1 tool@2 tool@3 user@4 user@5 user@6 `c` `n` `nobody` `{"type":"odd","x":1}` `{"x":2}` `3`
        8 prompt.answered 0:0 <7 0 calls {..} `{"type":"odd","x":1}`
        9 prompt.given <0 user `u` `{"role":"user","content":"u","tool_calls":[{"function":"f","`
        10 prompt.sent 1:0 <1-9 keeps 0+6 assistant@8 user@9 {..} `u`
        11 prompt.answered 1:0 <10 0 calls {..} `b`
        12 output.produced <11 `b`
        note /0: unknown-role
        note /1: unknown-role
        note /2: unknown-role
        note /3/content/0: unknown-part
        note /3/content/1: unknown-part
        note /3/content/2: unknown-part
        note /3/timestamp: unknown-member
        note /4/content/0: unknown-part
        note /4/weight: unknown-member
        note /5/tool_calls/0: unexpected-value
        note /6/tool_calls: unexpected-value
        "#,
    );
}

#[test]
fn several_user_messages_several_answers_and_an_end_without_an_assistant() {
    check(
        r#"[{"role":"user","content":"u"},{"role":"user","content":"v"},
            {"role":"assistant","content":"a"},{"role":"assistant","content":"b"},
            {"role":"assistant","content":null,"tool_calls":[{"id":"i","function":"f","args":{}}]},
            {"role":"user","content":"w"}]"#,
        r#"
        1 prompt.given <0 user `u`
        2 prompt.given <0 user `v`
        3 prompt.sent 0:0 <1-2 user@1 user@2 `u` `v`
        4 prompt.answered 0:0 <3 0 calls `a`
        5 output.produced <4 `a`
        6 prompt.sent 1:0 <1-5 keeps 0+2 assistant@4 `a`
        7 prompt.answered 1:0 <6 0 calls `b`
        8 output.produced <7 `b`
        9 prompt.sent 2:0 <1-8 keeps 0+3 assistant@7 `b`
        10 prompt.answered 2:0 <9 1 calls {..}
        11 tool.proposed 2:0 <10 f `{}` `i`
        12 prompt.given <0 user `w`
        note /4/tool_calls/0: call-without-result
        "#,
    );
}

#[test]
fn tools_defined_once_for_the_run_are_registered_and_offered_with_every_prompt() {
    check(
        r#"{"tools":[
                {"type":"function","function":{"name":"f","description":"does f","parameters":{"type":"object"}}},
                {"name":"get weather","input_schema":{"type":"object"}},
                {"odd":1}],
            "messages":[{"role":"user","content":"u"},{"role":"assistant","content":"a"}]}"#,
        r#"
        1 tool.registered <0 f `{"type":"object"}` `does f` `{"type":"function","function":{"name":"f","description":"doe`
        2 tool.registered <0 name-e962b0dbfe61b879 `{"type":"object"}` `{"name":"get weather","input_schema":{"type":"object"}}`
        3 prompt.given <0 user `u`
        4 prompt.sent 0:0 <1-3 user@3 offers f,name-e962b0dbfe61b879 `u`
        5 prompt.answered 0:0 <4 0 calls `a`
        6 output.produced <5 `a`
        note /tools: name-derived
        "#,
    );
}

#[test]
fn the_opening_record_keeps_file_id_and_all_of_the_entry_but_its_messages() {
    check_ends(
        r#"{"path":"suite/a.json","run":{"pipeline_name":"my-agent","model":"m-1","error":null,"utility":true,
            "messages":[{"role":"user","content":"u"},{"role":"assistant","content":"a"}]}}"#,
        r#"
        opened build my-agent agents [agent] models [m-1] session unknown run.opened < `chat.json` `suite/a.json` `{"path":"suite/a.json","run":{"pipeline_name":"my-agent","mo`
        completed run.closed <4
        "#,
    );
    check_ends(
        r#"{"id":17,"traj":[]}"#,
        r#"
        opened build unknown agents [] models [] session unknown run.opened < `chat.json` `17` `{"id":17,"traj":[]}`
        completed run.closed <0
        "#,
    );
    check_ends(
        r#"[{"role":"user","content":"u"}]"#,
        r#"
        opened build unknown agents [] models [] session unknown run.opened < `chat.json`
        completed run.closed <1
        "#,
    );
}

#[test]
fn an_error_of_the_entry_fails_the_run() {
    check_ends(
        r#"{"id":"a","error":"rate limit","messages":[]}"#,
        r#"
        opened build unknown agents [] models [] session unknown run.opened < `chat.json` `a` `{"id":"a","error":"rate limit","messages":[]}`
        failed run.closed <0 `rate limit`
        "#,
    );
    check_ends(
        r#"{"id":"a","error":"","messages":[]}"#,
        r#"
        opened build unknown agents [] models [] session unknown run.opened < `chat.json` `a` `{"id":"a","error":"","messages":[]}`
        completed run.closed <0
        "#,
    );
    check_ends(
        r#"{"id":"a","error":{"code":5},"messages":[]}"#,
        r#"
        opened build unknown agents [] models [] session unknown run.opened < `chat.json` `a` `{"id":"a","error":{"code":5},"messages":[]}`
        failed run.closed <0 `{"code":5}`
        "#,
    );
}

#[test]
fn an_entry_without_messages_is_an_opening_and_a_closing_record() {
    for (entry, notes) in [
        (r#"{"id":"a"}"#, "note : no-messages"),
        (r#"{"id":"a","messages":null}"#, "note : no-messages"),
        (r#"{"id":"a","messages":[]}"#, ""),
        (r#"{"id":"a","note":"x"}"#, "note : no-messages\nnote /note: unknown-member"),
        ("{}", "note : no-messages"),
    ] {
        let run = chat(entry);
        assert_eq!(run.drafts.len(), 2, "{entry}");
        assert_lines(&outline(&run), notes);
        assert!(run.drafts[0].contents.iter().any(|content| content.bytes == entry.as_bytes()), "{entry}");
    }
}

#[test]
fn the_list_of_messages_stands_at_the_pointer_or_where_one_usually_does() {
    let list = r#"[{"role":"user","content":"u"}]"#;
    for (pointer, entry) in [
        (None, r#"{"messages":LIST}"#),
        (None, r#"{"run":{"messages":LIST}}"#),
        (None, r#"{"traj":LIST}"#),
        (None, r#"{"run":{"traj":LIST}}"#),
        (None, r#"{"history":LIST}"#),
        (None, "LIST"),
        (Some("/a~1b/~0"), r#"{"a/b":{"~":LIST},"messages":[]}"#),
        (Some("/"), r#"{"":LIST}"#),
        (Some("/y/0/messages"), r#"{"y":[{"messages":LIST},3]}"#),
        (Some("/y/10"), r#"{"y":[0,1,2,3,4,5,6,7,8,9,LIST]}"#),
        (Some("/1"), r#"[[{"role":"x"},LIST]]"#),
        (Some(""), "LIST"),
    ] {
        let format = Format::Chat { messages: pointer.map(str::to_owned) };
        let run = only_run(&format, "chat.json", &entry.replace("LIST", list));
        assert_eq!(run.drafts.len(), 3, "{entry}");
    }
    // A member of this name that is no list of messages is not taken for one.
    assert_eq!(chat(r#"{"history":["u"]}"#).drafts.len(), 2);
    // A pointer given is the only place, and items of a list are numbered from 0 as JSON writes numbers (RFC 6901, section 4).
    for pointer in ["/x", "/messages/1", "/messages/00", "/messages/-", "/messages/+0", "/messages/0/role/0"]
    {
        let elsewhere = Format::Chat { messages: Some(pointer.to_owned()) };
        let run = only_run(&elsewhere, "chat.json", r#"{"messages":[[{"role":"user"}]]}"#);
        assert_eq!(run.drafts.len(), 2, "{pointer}");
        assert!(run.noted.contains_key(&NoteKind::NoMessages), "{pointer}");
    }
}

#[test]
fn the_empty_pointer_says_that_each_value_of_a_file_is_a_list_of_messages() {
    let format = Format::Chat { messages: Some(String::new()) };
    // What is no message to the eye is one where it is said to be.
    let run = only_run(&format, "chat.json", r#"[{"content":"u"}]"#);
    assert!(!run.noted.contains_key(&NoteKind::NoMessages));
    assert_eq!(run.noted[&NoteKind::UnknownRole].first, "/0");
    for other in ["3", r#"{"messages":[]}"#] {
        let entry = format.entries("chat.json", other.as_bytes()).next().unwrap();
        assert_eq!(format.import(entry).unwrap_err().place.to_string(), "line 1", "{other}");
    }
}

#[test]
fn what_stands_beside_the_way_through_a_list_is_kept_and_named() {
    let format = Format::Chat { messages: Some("/y/1/messages".to_owned()) };
    let entry = r#"{"id":"a","y":[{"b":1},{"messages":[{"role":"user","content":"u"}],"model":"m"},2]}"#;
    let run = only_run(&format, "chat.json", entry);
    assert_eq!(run.id.as_deref(), Some("a"));
    let noted: Vec<&str> = run.notes.iter().map(|note| note.pointer.as_str()).collect();
    assert_eq!(noted, ["/y/0", "/y/2"]);
    let rest = r#"{"id":"a","y":[{"b":1},{"messages":[],"model":"m"},2]}"#;
    assert!(run.drafts[0].contents.iter().any(|content| content.bytes == rest.as_bytes()));
}
