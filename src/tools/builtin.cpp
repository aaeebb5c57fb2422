// The tools that every server has. Adding one is a folder and a line here.
#include "tools/apply_patch/apply_patch.hpp"
#include "tools/bash/bash.hpp"
#include "tools/edit/edit.hpp"
#include "tools/glob/glob.hpp"
#include "tools/grep/grep.hpp"
#include "tools/invalid/invalid.hpp"
#include "tools/list/list.hpp"
#include "tools/lsp/lsp.hpp"
#include "tools/plan_exit/plan_exit.hpp"
#include "tools/question/question.hpp"
#include "tools/read/read.hpp"
#include "tools/skill/skill.hpp"
#include "tools/task/task.hpp"
#include "tools/todowrite/todowrite.hpp"
#include "tools/tool.hpp"
#include "tools/webfetch/webfetch.hpp"
#include "tools/websearch/websearch.hpp"
#include "tools/write/write.hpp"

namespace quarterdeck::tools {

Registry builtin(net::HttpClient& http) {
  // Shared by the tools that change files, so that no two calls change one file at a time.
  const auto locks = std::make_shared<FileLocks>();
  std::vector<std::shared_ptr<Tool>> tools;
  tools.push_back(make_apply_patch(locks));
  tools.push_back(make_bash());
  tools.push_back(make_edit(locks));
  tools.push_back(make_glob());
  tools.push_back(make_grep());
  tools.push_back(make_invalid());
  tools.push_back(make_list());
  if (lsp_tool_wanted()) tools.push_back(make_lsp());
  tools.push_back(make_plan_exit());
  tools.push_back(make_question());
  tools.push_back(make_read());
  tools.push_back(make_skill());
  tools.push_back(make_task());
  tools.push_back(make_todowrite());
  tools.push_back(make_webfetch(http));
  tools.push_back(make_websearch(http));
  tools.push_back(make_write(locks));
  return Registry(std::move(tools));
}

}  // namespace quarterdeck::tools
