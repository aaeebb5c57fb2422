#include "app/cli/fleet/arguments.hpp"

#include <algorithm>
#include <array>
#include <variant>

#include <CLI/CLI.hpp>

namespace quarterdeck::app {
namespace {

using enum FleetVerb;

enum class Words {
  none,
  session,
  sessions,
  session_then_text,
  session_or_text,
  request,
  request_then_text,
  text,
  query,
  action,
  limit,
  plan
};

struct VerbLine {
  FleetVerb verb;
  const char* name;
  const char* purpose;
  Words words;
  const char* examples;
};

constexpr VerbLine kVerbs[] = {
    {ps, "ps", "Show what all sessions do and need, what needs you first", Words::none,
     R"(  quarterdeck ps                          live; Ctrl-C leaves
  quarterdeck ps --group needs_you --once
  quarterdeck ps --json | jq -r '.sessions[].sessionID'

Without a terminal, with --once and with --json it prints once.
)"},
    {open, "open", "Hand work over: one session with a worktree and a branch of its own", Words::text,
     R"(  quarterdeck open "fix the flaky checkout test" --priority P1
  quarterdeck open --ref linear:ENG-12 --key slack-1712 < request.md
  quarterdeck open --in-place --wait "update the changelog"

Prints the session's id. Sent again with the same --key, or a --ref for which a session is open, it prints the same one.
With --wait it ends as `quarterdeck wait` does.
)"},
    {watch, "watch", "Follow sessions as they work", Words::sessions, R"(  quarterdeck watch ses_1f2e3d linear:ENG-12
  quarterdeck watch --json ses_1f2e3d | jq .type
)"},
    {tell, "tell", "Say something to a session", Words::session_then_text,
     R"(  quarterdeck tell ses_1f2e3d "also update the docs"
  quarterdeck tell ses_1f2e3d --mode steer "use the staging database"
  git diff | quarterdeck tell ses_1f2e3d -

queue: after what it does now. steer: at its next step. interrupt: at once, in place of what it does.
)"},
    {nudge, "nudge", "Ask a session that makes no progress to go on", Words::session_then_text,
     R"(  quarterdeck nudge ses_1f2e3d
  quarterdeck nudge ses_1f2e3d "what are you waiting for?"
)"},
    {requests, "requests", "List the permissions and questions that wait for somebody", Words::none,
     "  quarterdeck requests\n"},
    {answer, "answer", "Answer an agent's question, or approve its plan", Words::request_then_text,
     R"(  quarterdeck answer que_1f2e3d Postgres
  quarterdeck answer ses_1f2e3d "the second one"      the session's only open request
  quarterdeck answer que_1f2e3d Yes "In March"        one word a question
)"},
    {approve, "approve", "Allow what a session asks for", Words::request,
     R"(  quarterdeck approve per_1f2e3d
  quarterdeck approve ses_1f2e3d --always             and what is like it, from now on
)"},
    {reject, "reject", "Refuse what a session asks for", Words::request,
     "  quarterdeck reject per_1f2e3d --why \"use the other file\"\n"},
    {diff, "diff", "Show what a session changed", Words::session,
     R"(  quarterdeck diff ses_1f2e3d
  quarterdeck diff ses_1f2e3d --stat
  quarterdeck diff ses_1f2e3d --list                  its checkpoints and commits
  quarterdeck diff ses_1f2e3d --checkpoint base..head
)"},
    {digest, "digest", "Tell what happened in a session, briefly", Words::session,
     R"(  quarterdeck digest ses_1f2e3d
  quarterdeck digest ses_1f2e3d --since 1234          what is new since the cursor of the digest before
)"},
    {FleetVerb::wait, "wait", "Wait until a session is through, or needs somebody", Words::sessions,
     R"(  quarterdeck wait ses_1f2e3d && quarterdeck diff ses_1f2e3d
  quarterdeck wait --all --timeout 600 $A $B

Exit status: 0 through, 1 failed, 3 no server, 4 needs somebody, 5 deleted, 124 the time is over.
--until settled (default): neither works nor waits for its turn. attention: needs somebody. change: anything new.
Or a state, as `quarterdeck ps` shows them: ready, idle, done, approve…
)"},
    {accept, "accept", "Say that a session's result, or its failure, was seen", Words::session,
     "  quarterdeck accept ses_1f2e3d\n"},
    {close, "close", "Say that a session is done", Words::session, R"(  quarterdeck close ses_1f2e3d
  quarterdeck close ses_1f2e3d --stop                 also while it works
  quarterdeck close ses_1f2e3d --archive              and take it out of the lists
)"},
    {reopen, "reopen", "Take back close", Words::session, "  quarterdeck reopen ses_1f2e3d\n"},
    {set, "set", "Change a session's priority, owner, labels, budget, title, agent or model", Words::session,
     R"(  quarterdeck set ses_1f2e3d --priority P0
  quarterdeck set ses_1f2e3d --budget-usd 5           a turn that waits for it goes on
)"},
    {search, "search", "Search in what all sessions were asked, said, ran and committed", Words::query,
     R"(  quarterdeck search flaky checkout
  quarterdeck search '"connection refused"' --kind tool --since 7d
  quarterdeck search 'migrat* -postgres' --state ready

Words must all be there; "a phrase" in this order; begin* and -without.
)"},
    {evidence, "evidence", "Hold what a session says about tests and builds against what it ran", Words::session,
     "  quarterdeck evidence ses_1f2e3d\n"},
    {review, "review", "Accept a session's work, or send it back with comments", Words::session_or_text,
     R"(  quarterdeck review ses_1f2e3d "rename it back" --comment src/login.c:12:"why static?"
  quarterdeck review ses_1f2e3d --accept
)"},
    {rollback, "rollback", "Take a session's files back to a checkpoint, byte for byte", Words::session,
     R"(  quarterdeck diff ses_1f2e3d --list                  names the checkpoints
  quarterdeck rollback ses_1f2e3d --to 36e89ede
Prints the checkpoint that undoes it.
)"},
    {fork, "fork", "Open a session that begins where another was at a checkpoint", Words::session_or_text,
     R"(  quarterdeck fork ses_1f2e3d --to 36e89ede "try it without the cache"
  quarterdeck fork ses_1f2e3d --to head
Prints the new session's id. It has a worktree of its own.
)"},
    {queue, "queue", "Show which sessions wait for a place, and why", Words::none, "  quarterdeck queue\n"},
    {budget, "budget", "Show or set what a day, a project or a principal may spend", Words::limit,
     R"(  quarterdeck budget
  quarterdeck budget day --budget-usd 50
  quarterdeck budget principal slack-bot --budget-usd 5 --budget-steps 500
  quarterdeck budget day --none                       take it away

A session's own: quarterdeck set SESSION --budget-usd 5.
)"},
    {schedule, "schedule", "Have work open by itself, at times or when sessions end", Words::plan,
     R"(  quarterdeck schedule
  quarterdeck schedule add nightly.json               {"name": …, "cron": "0 3 * * *", "handoff": {"request": …}}
  quarterdeck schedule run sch_1f2e3d
  quarterdeck schedule remove sch_1f2e3d
)"},
    {webhook, "webhook", "Tell a URL by HTTP what sessions need", Words::action,
     R"(  quarterdeck webhook list
  quarterdeck webhook add https://example.com/hook --event needs_you --event ready
  quarterdeck webhook add http://127.0.0.1:18789/hooks/wake --kind openclaw --token-file token --session-key hook:fleet
  quarterdeck webhook test wh_1f2e3d
  quarterdeck webhook log wh_1f2e3d                   what became of the newest deliveries
  quarterdeck webhook off|on|remove wh_1f2e3d

Signed as Standard Webhooks says. Without --secret-file a secret is made, and printed this once.
)"},
};

using O = FleetOptions;
using Place = std::variant<bool O::*, std::string O::*, std::vector<std::string> O::*, std::int64_t O::*,
                           std::optional<double> O::*, std::optional<std::int64_t> O::*>;
struct OptionLine {
  const char* flags;
  Place place;
  const char* type;
  const char* help;
  std::array<std::optional<FleetVerb>, 6> verbs;
};

const std::array kOptions = std::to_array<OptionLine>({
    {"--once", &O::once, "", "Print once, also on a terminal", {ps}},
    {"--group", &O::group, "GROUP", "Only this group's", {ps, search}},
    {"--state", &O::state, "STATE", "Only those in this state", {ps, search}},
    {"--project", &O::project, "PROJECT", "A project: its id, its name or its directory", {ps, open, search, webhook}},
    {"--search", &O::title_part, "TEXT", "Part of the title", {ps}},
    {"--kind", &O::kinds, "KIND", "title, prompt, answer, tool or commit (repeatable)", {search}},
    {"--kind", &O::kinds, "SHAPE", "standard (default) or openclaw", {webhook}},
    {"--id", &O::id, "ID", "What it is called", {webhook}},
    {"--event", &O::events, "EVENT", "A group or state of attention, or all (repeatable)", {webhook}},
    {"--secret-file", &O::secret_file, "FILE", "A file with the secret, whsec_…", {webhook}},
    {"--token-file", &O::token_file, "FILE", "A file with OpenClaw's hooks.token", {webhook}},
    {"--session-key", &O::session_key, "KEY", "Which session of OpenClaw wakes", {webhook}},
    {"--agent-id", &O::agent_id, "ID", "Which agent of OpenClaw", {webhook}},
    {"--allow-private", &O::allow_private, "", "Also to addresses of private networks", {webhook}},
    {"--session", &O::session, "SESSION", "Only this session", {search, webhook}},
    {"--since", &O::from, "AGO", "Not older, as in 30m, 12h, 7d", {search}},
    {"--until", &O::to, "AGO", "Older, as in 7d", {search}},
    {"--newest", &O::newest, "", "The newest first, not the best", {search}},
    {"--cursor", &O::cursor, "CURSOR", "`next` of the page before", {search}},
    {"--archived", &O::archived, "", "Archived ones too", {ps}},
    {"--limit", &O::limit, "N", "At most so many (default: 100)", {ps, search}},
    {"--priority", &O::priority, "PRIORITY", "P0 (now) to P3 (whenever)", {ps, open, set, search, fork}},
    {"--label", &O::labels, "LABEL", "A label (repeatable)", {ps, open, set}},
    {"--owner", &O::owner, "NAME", "Who supervises it, and is asked first", {ps, open, set}},
    {"--title", &O::title, "TITLE", "Its title", {open, set, fork}},
    {"--agent", &O::agent, "NAME", "Agent to use", {open, set}},
    {"-m,--model", &O::model, "PROVIDER/MODEL", "Model to use", {open, set}},
    {"--budget-usd", &O::budget_usd, "USD", "Wait for more when it has cost so much", {open, set, budget}},
    {"--budget-tokens", &O::budget_tokens, "N", "Wait for more when it has used so many tokens", {open, set, budget}},
    {"--budget-steps", &O::budget_steps, "N", "Wait for more when it has made so many steps", {open, set, budget}},
    {"--none", &O::none, "", "Without a limit", {budget}},
    {"--result-schema", &O::result_schema, "FILE", "JSON schema that its final answer has to fit", {open}},
    {"--to", &O::checkpoint, "CHECKPOINT", "The beginning of its id, start or head", {rollback, fork}},
    {"--comment", &O::comments, "PATH:LINE:TEXT", "On a line; line 0 is the file (repeatable)", {review}},
    {"--accept", &O::accept, "", "It is good as it is", {review}},
    {"--ref", &O::refs, "SYSTEM:ID", "What it is about elsewhere, as in linear:ENG-12 (repeatable)", {open}},
    {"--key",
     &O::key,
     "KEY",
     "Sent again with the same key, it is done once",
     {open, tell, nudge, review, rollback, fork}},
    {"--file", &O::file, "FILE", "Read the text from a file", {open, tell}},
    {"--branch", &O::branch, "NAME", "Name of its branch (default: made of the title)", {open, fork}},
    {"--base", &O::base, "COMMIT", "Where its branch begins (default: what is checked out)", {open}},
    {"--in-place", &O::in_place, "", "Work in the directory itself, without a worktree", {open}},
    {"--fresh", &O::fresh, "", "A new session even when one is open for the same ref", {open}},
    {"--wait", &O::wait, "", "Wait until it is through or needs somebody", {open, tell}},
    {"--mode", &O::mode, "MODE", "queue (default), steer or interrupt", {tell}},
    {"--always", &O::always, "", "Also what is like it, from now on", {approve}},
    {"--why", &O::why, "TEXT", "What to do instead; the agent reads it", {reject}},
    {"--hash", &O::hash, "HASH", "Only if it is what this stands for", {answer, approve, reject}},
    {"--stat", &O::stat, "", "Only the files, and how many lines", {diff}},
    {"--list", &O::list, "", "The checkpoints and commits", {diff}},
    {"--checkpoint", &O::range, "A..B", "From one to another; A alone: until now", {diff}},
    {"--since", &O::since, "CURSOR", "Only what is new since", {digest}},
    {"--max-tokens", &O::max_tokens, "N", "How long it may be, 300 to 20000 (default: 1500)", {digest}},
    {"--timeout", &O::timeout_s, "SECONDS", "Wait no longer", {FleetVerb::wait, open, tell}},
    {"--until", &O::until, "UNTIL", "What to wait for (default: settled)", {FleetVerb::wait, open, tell}},
    {"--all", &O::all, "", "Until all of them are so, not the first", {FleetVerb::wait}},
    {"--stop", &O::stop, "", "Also while it works", {close}},
    {"--archive", &O::archive, "", "And take it out of the lists", {close}},
});

void add_words(CLI::App* to, Words words, FleetOptions& options) {
  switch (words) {
    case Words::none: return;
    case Words::text:
      to->add_option("text", options.words, "What to do; - or nothing reads it from standard input")->type_name("TEXT");
      return;
    case Words::action:
      to->add_option("action", options.words, "list, add URL, or test, log, on, off, remove ID")
          ->type_name("ACTION")
          ->required()
          ->expected(1, 2);
      return;
    case Words::query:
      to->add_option("query", options.words, "What to look for")->type_name("WORD")->required();
      return;
    case Words::session:
      to->add_option("session", options.words, "Id or its beginning, key, or SYSTEM:ID")
          ->type_name("SESSION")
          ->required()
          ->expected(1);
      return;
    case Words::sessions:
      to->add_option("session", options.words, "Ids or their beginnings, keys, or SYSTEM:ID")
          ->type_name("SESSION")
          ->required();
      return;
    case Words::session_then_text:
      to->add_option("session", options.words, "Id or its beginning, key, or SYSTEM:ID; then the text")
          ->type_name("SESSION")
          ->required();
      return;
    case Words::session_or_text:
      to->add_option("session", options.words, "Id or its beginning, key, or SYSTEM:ID; then maybe a text")
          ->type_name("SESSION")
          ->required();
      return;
    case Words::limit:
      to->add_option("whose", options.words, "day, project NAME or principal NAME; nothing lists them")
          ->type_name("WHOSE")
          ->expected(1, 2);
      return;
    case Words::plan:
      to->add_option("action", options.words, "list, add FILE, or run, remove ID")->type_name("ACTION")->expected(1, 2);
      return;
    case Words::request:
      to->add_option("request", options.words, "Id or its beginning, or a session that asks one thing")
          ->type_name("REQUEST")
          ->required()
          ->expected(1);
      return;
    case Words::request_then_text:
      to->add_option("request", options.words, "Id or its beginning, or a session that asks one thing; then the answer")
          ->type_name("REQUEST")
          ->required();
      return;
  }
}

void add_line(CLI::App* to, const OptionLine& line, FleetOptions& options) {
  const auto add = [&](auto member) {
    auto& place = options.*member;
    using T = std::remove_cvref_t<decltype(place)>;
    if constexpr (std::same_as<T, bool>) {
      to->add_flag(line.flags, place, line.help);
    } else {
      CLI::Option* made = to->add_option(line.flags, place, line.help)->type_name(line.type);
      if constexpr (std::same_as<T, std::vector<std::string>>) made->allow_extra_args(false);
      if constexpr (!std::same_as<T, std::vector<std::string>> && !std::same_as<T, std::string>) {
        made->check(CLI::NonNegativeNumber)->type_name(line.type);
      }
    }
  };
  std::visit(add, line.place);
}

}  // namespace

void add_fleet(CLI::App& app, FleetLine& line, std::string& url, std::string& directory) {
  for (const VerbLine& verb : kVerbs) {
    CLI::App* made = app.add_subcommand(verb.name, verb.purpose);
    made->footer(std::string("\nExamples:\n") + verb.examples);
    made->set_help_flag("-h,--help", "Show this help");
    add_words(made, verb.words, line.options);
    for (const OptionLine& option : kOptions) {
      if (std::ranges::find(option.verbs, std::optional(verb.verb)) != option.verbs.end())
        add_line(made, option, line.options);
    }
    if (verb.verb == ps || verb.verb == open) {
      made->add_option("--dir,--directory", directory,
                       verb.verb == ps ? "Only this directory's" : "Where the work is (default: the current directory)")
          ->type_name("DIR");
    }
    made->add_option("--attach", url, "Server to talk to (default: $QUARTERDECK_URL, else http://127.0.0.1:4096)")
        ->type_name("URL");
    made->add_flag("--json", line.options.json, "Print the server's answer");
    line.verbs.emplace_back(verb.verb, made);
  }
}

std::optional<FleetOptions> fleet_of(const FleetLine& line) {
  for (const auto& [verb, app] : line.verbs) {
    if (!app->parsed()) continue;
    FleetOptions options = line.options;
    options.verb = verb;
    return options;
  }
  return std::nullopt;
}

std::string problem_with(const FleetOptions& options) {
  const auto one_of = [](const std::string& given, std::initializer_list<std::string_view> known) {
    return given.empty() || std::ranges::find(known, given) != known.end();
  };
  if (!one_of(options.priority, {"P0", "P1", "P2", "P3"}))
    return "--priority wants P0, P1, P2 or P3; got \"" + options.priority + "\"";
  if (!one_of(options.mode, {"queue", "steer", "interrupt"}))
    return "--mode wants queue, steer or interrupt; got \"" + options.mode + "\"";
  if (!one_of(options.group, {"needs_you", "with_supervisor", "ready_for_review", "working", "queued", "quiet"}))
    return "--group wants needs_you, with_supervisor, ready_for_review, working, queued or quiet";
  for (const std::string& ref : options.refs) {
    const auto colon = ref.find(':');
    if (colon == 0 || colon == ref.npos || colon + 1 == ref.size())
      return "--ref wants SYSTEM:ID, as in linear:ENG-12; got \"" + ref + "\"";
  }
  if (!options.model.empty()) {
    const auto slash = options.model.find('/');
    if (slash == 0 || slash == options.model.npos || slash + 1 == options.model.size())
      return "--model wants PROVIDER/MODEL, as in anthropic/claude-sonnet-4-5; got \"" + options.model + "\"";
  }
  if (options.in_place && (!options.branch.empty() || !options.base.empty()))
    return "--branch and --base are for a worktree; leave --in-place out";
  if (options.verb == FleetVerb::webhook) {
    const std::string& action = options.words.front();
    if (!one_of(action, {"list", "add", "test", "log", "on", "off", "remove"}))
      return "webhook wants list, add, test, log, on, off or remove; got \"" + action + "\"";
    if (action != "list" && options.words.size() < 2)
      return action == "add" ? "which URL? quarterdeck webhook add https://example.com/hook"
                             : "which one? quarterdeck webhook list names them";
  }
  if ((options.verb == FleetVerb::rollback || options.verb == FleetVerb::fork) && options.checkpoint.empty())
    return "which checkpoint? --to ID; quarterdeck diff SESSION --list names them";
  if (options.verb == FleetVerb::budget && !options.words.empty()) {
    const std::string& whose = options.words.front();
    if (!one_of(whose, {"day", "project", "principal"}))
      return "budget wants day, project or principal; got \"" + whose + "\"";
    if ((whose == "day") != (options.words.size() == 1))
      return whose == "day" ? "a day has no name" : "which one? quarterdeck budget " + whose + " NAME --budget-usd 5";
    if (!options.none && !options.budget_usd && !options.budget_tokens && !options.budget_steps)
      return "how much? --budget-usd, --budget-tokens or --budget-steps; --none takes the limit away";
  }
  if (options.verb == FleetVerb::schedule && !options.words.empty()) {
    const std::string& action = options.words.front();
    if (!one_of(action, {"list", "add", "run", "remove"}))
      return "schedule wants list, add, run or remove; got \"" + action + "\"";
    if (action != "list" && options.words.size() < 2)
      return action == "add" ? "which file? quarterdeck schedule add nightly.json"
                             : "which one? quarterdeck schedule list names them";
  }
  for (const std::string& comment : options.comments) {
    const auto line = comment.find(':');
    const auto text = line == comment.npos ? line : comment.find(':', line + 1);
    const bool whole = text != comment.npos && line > 0 && text > line + 1 && text + 1 < comment.size();
    if (!whole || comment.find_first_not_of("0123456789", line + 1) < text)
      return "--comment wants PATH:LINE:TEXT, as in src/login.c:12:\"why static?\"; got \"" + comment + "\"";
  }
  if (options.verb == FleetVerb::tell && options.file.empty() && options.words.size() < 2)
    return "what should it be told? quarterdeck tell SESSION \"also update the docs\", or - to read standard input";
  if (options.verb == FleetVerb::answer && options.words.size() < 2)
    return "what is the answer? quarterdeck answer REQUEST \"the second one\"";
  return {};
}

}  // namespace quarterdeck::app
