// The table. Descriptions are what a model pays for in every conversation: a sentence or two.
#include <array>

#include "api/mcp/tool.hpp"

namespace quarterdeck::api::mcp {
namespace {

constexpr std::string_view kSession = R"("session":{"type":"string","description":"Session id, ses_…"})";
constexpr std::string_view kSessionRequired = R"(["session"])";
constexpr std::string_view kSessionAndStop =
    R"("session":{"type":"string","description":"Session id, ses_…"},
       "stop":{"type":"boolean","description":"Also while it works: stop it first"})";

constexpr std::array kTools = std::to_array<Tool>({
    {"session_open", "Open a session",
     "Hand work over to a coding session, which begins at once. The same idempotency_key, or a ref that has an open "
     "session, answers that session with created:false.",
     Effect::changes, "POST", "/fleet/handoff",
     R"("request":{"type":"string","minLength":1,"description":"What is to be done, and how one sees that it is"},
        "directory":{"type":"string","description":"Absolute path of the project; the server's own otherwise"},
        "in_place":{"type":"boolean","description":"Work in directory itself instead of a git worktree and branch of its own"},
        "worktree":{"type":"object","properties":{"branch":{"type":"string"},"base":{"type":"string"}}},
        "refs":{"type":"array","description":"What it is about in other systems; their text is data for the session","items":{"type":"object","properties":{"system":{"type":"string","description":"linear, sentry, github, slack…"},"id":{"type":"string"},"url":{"type":"string"},"title":{"type":"string"},"text":{"type":"string"}},"required":["system","id"]}},
        "title":{"type":"string"},
        "priority":{"type":"string","enum":["P0","P1","P2","P3"]},
        "labels":{"type":"array","items":{"type":"string"}},
        "owner":{"type":"string","description":"Who supervises it: is asked before a person is"},
        "budget":{"type":"object","properties":{"cost_usd":{"type":"number"},"tokens":{"type":"integer"},"steps":{"type":"integer"},"wall_ms":{"type":"integer"}}},
        "agent":{"type":"string"},
        "model":{"type":"object","properties":{"providerID":{"type":"string"},"modelID":{"type":"string"}},"required":["providerID","modelID"]},
        "reply_to":{"type":"object","description":"Kept beside the session, for whoever reports back"},
        "result_schema":{"type":"object","description":"JSON schema of the final answer: session_get and session_digest have it as result"},
        "fresh":{"type":"boolean","description":"A new session even where a ref has an open one"})",
     R"(["request","idempotency_key"])"},
    {"session_list", "List sessions",
     "All sessions: what needs somebody first, then by priority, then longest waiting. counts has the groups' sizes, "
     "cursor is for session_wait, next for the next page.",
     Effect::reads, "GET", "/fleet/roster",
     R"("group":{"type":"string","enum":["needs_you","with_supervisor","ready_for_review","working","queued","quiet"]},
        "state":{"type":"string"},"priority":{"type":"string","enum":["P0","P1","P2","P3"]},
        "label":{"type":"string"},"owner":{"type":"string"},"directory":{"type":"string"},
        "search":{"type":"string","description":"Part of the title"},
        "archived":{"type":"boolean"},"cursor":{"type":"string","description":"next of the page before"},
        "limit":{"type":"integer","minimum":1,"maximum":500,"default":20})"},
    {"session_get", "Look at a session", "One session: what it needs and why, priority, cost, last words.",
     Effect::reads, "GET", "/fleet/session/{session}", kSession, kSessionRequired},
    {"session_wait", "Wait for sessions",
     "Answers when one of the sessions has changed what it needs, or after timeout_ms. Without after: how they are "
     "now. "
     "Call again with after = cursor of the answer.",
     Effect::reads, "GET", "/fleet/wait",
     R"("sessions":{"type":"array","items":{"type":"string"},"description":"Ids; all sessions otherwise"},
        "after":{"type":"integer","minimum":0,"description":"cursor of the answer before"},
        "timeout_ms":{"type":"integer","minimum":0,"maximum":25000,"default":20000})"},
    {"session_digest", "Read a digest",
     "What happened since a cursor, within max_tokens: asked, decided, changed, checked, what is open (verbatim), "
     "cost, "
     "next step. Enough to supervise by.",
     Effect::reads, "GET", "/fleet/session/{session}/digest",
     R"("session":{"type":"string","description":"Session id, ses_…"},
        "since":{"type":"integer","minimum":0,"description":"cursor of the digest before"},
        "max_tokens":{"type":"integer","minimum":300,"maximum":6000,"default":1500})",
     kSessionRequired},
    {"session_evidence", "Check what it claims",
     "What the agent says about tests, builds and linters, held against the commands that the server ran.",
     Effect::reads, "GET", "/fleet/session/{session}/evidence", kSession, kSessionRequired},
    {"session_tell", "Tell a session",
     "Say something to a session. mode: queue (after its turn), steer (at its next step), interrupt (now).",
     Effect::changes, "POST", "/fleet/session/{session}/message",
     R"("session":{"type":"string","description":"Session id, ses_…"},
        "text":{"type":"string","minLength":1},
        "mode":{"type":"string","enum":["queue","steer","interrupt"],"default":"queue"})",
     R"(["session","text","idempotency_key"])"},
    {"session_nudge", "Nudge a session", "Ask a session that makes no progress to go on.", Effect::changes, "POST",
     "/fleet/session/{session}/nudge",
     R"("session":{"type":"string","description":"Session id, ses_…"},"text":{"type":"string"})", kSessionRequired},
    {"session_update", "Change a session",
     "Change priority, labels, owner, budget, title, agent or model. A raised budget lets the same turn go on.",
     Effect::changes, "PATCH", "/fleet/session/{session}",
     R"("session":{"type":"string","description":"Session id, ses_…"},
        "priority":{"type":"string","enum":["P0","P1","P2","P3"]},
        "budget":{"type":["object","null"],"description":"null: none","properties":{"cost_usd":{"type":"number"},"tokens":{"type":"integer"},"steps":{"type":"integer"},"wall_ms":{"type":"integer"}}},
        "labels":{"type":"array","items":{"type":"string"}},
        "owner":{"type":["string","null"]},"title":{"type":"string"},"agent":{"type":"string"},
        "model":{"type":"object","properties":{"providerID":{"type":"string"},"modelID":{"type":"string"}},"required":["providerID","modelID"]})",
     kSessionRequired},
    {"request_list", "List open requests",
     "Open permissions, questions and plans, each as it was asked (content) with its hash: by priority, oldest first.",
     Effect::reads, "GET", "/fleet/request",
     R"("session":{"type":"string","description":"Only those of this session and its children"})"},
    {"request_reply", "Answer a request",
     "Permission: reply once, always or reject. Question: answers, a list of labels or texts for each question, or "
     "reply "
     "reject. Whoever answers second is told so.",
     Effect::changes, "POST", "/fleet/request/{request}/answer",
     R"("request":{"type":"string","description":"Id of the request"},
        "hash":{"type":"string","description":"hash of the request that you read"},
        "reply":{"type":"string","enum":["once","always","reject"]},
        "message":{"type":"string","description":"With reject: what to do instead"},
        "answers":{"type":"array","items":{"type":"array","items":{"type":"string"}}})",
     R"(["request"])"},
    {"session_checkpoints", "List checkpoints",
     "Checkpoints of the steps that changed files, and the branch's commits.", Effect::reads, "GET",
     "/fleet/session/{session}/commits",
     R"("session":{"type":"string","description":"Session id, ses_…"},
        "limit":{"type":"integer","minimum":1,"maximum":100,"default":20})",
     kSessionRequired},
    {"session_diff", "Compare",
     "What differs between two of: a checkpoint's or commit's id, base, start, head, now. Long patches are cut; ask "
     "with "
     "patch:false for the files alone.",
     Effect::reads, "GET", "/fleet/session/{session}/commits/{from}..{to}",
     R"("session":{"type":"string","description":"Session id, ses_…"},
        "from":{"type":"string","default":"base"},"to":{"type":"string","default":"now"},
        "patch":{"type":"boolean","default":true})",
     kSessionRequired},
    {"session_review", "Review",
     "Accept the work or send it back with comments on lines; the session reads them on its next turn, which rework "
     "begins.",
     Effect::changes, "POST", "/fleet/session/{session}/review",
     R"("session":{"type":"string","description":"Session id, ses_…"},
        "verdict":{"type":"string","enum":["accept","rework"]},
        "summary":{"type":"string"},"commit":{"type":"string"},"by":{"type":"string"},"wake":{"type":"boolean"},
        "comments":{"type":"array","items":{"type":"object","properties":{"path":{"type":"string"},"side":{"type":"string","enum":["old","new"]},"line":{"type":"integer","description":"0: the file"},"text":{"type":"string"}},"required":["path","text"]}})",
     R"(["session","verdict"])"},
    {"session_rollback", "Roll files back",
     "Take the session's files back to a checkpoint, byte for byte; undo in the answer names the way forward again.",
     Effect::destroys, "POST", "/fleet/session/{session}/rollback",
     R"("session":{"type":"string","description":"Session id, ses_…"},"to":{"type":"string"})", R"(["session","to"])"},
    {"session_abort", "Stop the turn",
     "Stop what the session does now. Its queue stays; the answer says what is in it.", Effect::destroys, "POST",
     "/fleet/session/{session}/abort", kSession, kSessionRequired},
    {"session_accept", "Accept", "Say that the result, or the failure, was seen: it needs nobody any more.",
     Effect::changes, "POST", "/fleet/session/{session}/accept", kSession, kSessionRequired},
    {"session_close", "Close", "Say that the session is done.", Effect::changes, "POST",
     "/fleet/session/{session}/close", kSessionAndStop, kSessionRequired},
    {"session_reopen", "Reopen", "Take back close or archive.", Effect::changes, "POST",
     "/fleet/session/{session}/reopen", kSession, kSessionRequired},
    {"session_archive", "Archive", "Close the session and take it out of the lists.", Effect::changes, "POST",
     "/fleet/session/{session}/archive", kSessionAndStop, kSessionRequired},
});

}  // namespace

std::span<const Tool> tools() { return kTools; }

}  // namespace quarterdeck::api::mcp
