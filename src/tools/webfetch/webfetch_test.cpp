// The web tools against real HTTP servers.
#include "tools/webfetch/webfetch.hpp"

#include "net/http_server.hpp"
#include "net/testing/live_loop.hpp"
#include "tools/testing/fixture.hpp"
#include "tools/webfetch/reach.hpp"

namespace quarterdeck::tools {
namespace {

class WebTools : public testing::ToolTest {
 protected:
  WebTools() {
    client_ = live_.on_loop([this] { return net::make_http_client(live_.loop()); });
    registry_ = builtin(*client_);
    server_ = live_.on_loop([this] {
      return *net::listen(live_.loop(), {}, [this](net::Request request) { return answer(std::move(request)); });
    });
    allow_ = fmt::format(R"({{"webfetch":{{"allow":["127.0.0.1:{}"]}}}})", server_->port());
  }
  ~WebTools() override {
    live_.on_loop([this] {
      server_.reset();
      client_.reset();
    });
  }

  Task<net::Response> answer(net::Request request) {
    requests_.push_back(request);
    if (request.path == "/silent") co_await sleep_ms(live_.loop(), 60'000, stop_.get_token());
    const auto found = pages_.find(request.path);
    if (found == pages_.end()) co_return net::Response{.status = 404};
    co_return net::Response{
        .status = found->second.status, .headers = found->second.headers, .body = found->second.body};
  }

  struct Page {
    int status = 200;
    net::Headers headers;
    std::string body;
  };
  static Page page(std::string body, std::string type = "text/html; charset=utf-8") {
    return {.headers = {{"Content-Type", std::move(type)}}, .body = std::move(body)};
  }

  // $BASE in `input` is the server.
  ToolResult web(std::string tool, std::string input, std::string settings = "") {
    input = replaced(std::move(input), "$BASE", base());
    return live_
        .start([&, tool = std::move(tool), input = std::move(input), settings = std::move(settings)] {
          return run(tool, input, settings.empty() ? allow_ : settings);
        })
        .get();
  }
  Task<ToolResult> run(std::string tool, std::string input, std::string settings) {
    ToolContext now{.session_id = {"ses_1"},
                    .message_id = {"msg_1"},
                    .call_id = "call_1",
                    .agent = "build",
                    .directory = dir_,
                    .worktree = dir_,
                    .output_dir = root_ / "data/tool-output",
                    .settings = {settings},
                    .stop = stop_.get_token(),
                    .host = host_,
                    .loop = live_.loop(),
                    .pool = *pool_,
                    .processes = no_processes_,
                    .ids = ids_};
    co_return co_await registry_.run(tool, {input}, now);
  }
  std::string base() const { return fmt::format("http://127.0.0.1:{}", server_->port()); }
  std::string failure(std::string tool, std::string input, std::string settings = "") {
    const auto result = web(std::move(tool), std::move(input), std::move(settings));
    return result ? "succeeded: " + result->output : result.error().message;
  }

  net::testing::LiveLoop live_;
  std::unique_ptr<net::HttpClient> client_;
  std::unique_ptr<net::HttpServer> server_;
  std::map<std::string, Page> pages_;
  std::vector<net::Request> requests_;
  std::string allow_;
};

using WebFetch = WebTools;
using WebSearch = WebTools;

TEST_F(WebFetch, GivesAPageAsMarkdownTextOrHtml) {
  pages_["/a"] = page("<h1>Hi</h1><p>you <b>there</b></p>");
  const auto markdown = web("webfetch", R"({"url":"$BASE/a"})");
  ASSERT_TRUE(markdown) << markdown.error().message;
  EXPECT_EQ(markdown->output, "# Hi\n\nyou **there**");
  EXPECT_EQ(markdown->title, base() + "/a (text/html; charset=utf-8)");
  EXPECT_EQ(web("webfetch", R"({"url":"$BASE/a","format":"text"})")->output, "Hiyou there");
  EXPECT_EQ(web("webfetch", R"({"url":"$BASE/a","format":"html"})")->output, "<h1>Hi</h1><p>you <b>there</b></p>");
  ASSERT_EQ(host_.asks.size(), 3u);
  EXPECT_EQ(host_.asks[0].permission, "webfetch");
  EXPECT_EQ(host_.asks[0].patterns, std::vector{base() + "/a"});
}

TEST_F(WebFetch, LeavesAloneWhatIsNotHtml) {
  pages_["/t"] = page("# <b>x</b>\n", "text/markdown");
  EXPECT_EQ(web("webfetch", R"({"url":"$BASE/t"})")->output, "# <b>x</b>\n");
  pages_["/bytes"] = page(
      "a\xff"
      "b",
      "text/plain");
  EXPECT_EQ(web("webfetch", R"({"url":"$BASE/bytes"})")->output, "a\ufffdb");
}

TEST_F(WebFetch, GivesAPictureAsAttachment) {
  pages_["/p"] = page("PNG", "image/PNG; a=b");
  const auto result = web("webfetch", R"({"url":"$BASE/p"})");
  ASSERT_TRUE(result);
  EXPECT_EQ(result->output, "Image fetched successfully");
  ASSERT_EQ(result->attachments.size(), 1u);
  EXPECT_EQ(result->attachments[0].mime, "image/png");
  EXPECT_EQ(result->attachments[0].url, "data:image/png;base64,UE5H");
}

TEST_F(WebFetch, FollowsRedirectsButNotForEver) {
  pages_["/from"] = {.status = 302, .headers = {{"Location", "to?x=1#y"}}};
  pages_["/to"] = page("here", "text/plain");
  EXPECT_EQ(web("webfetch", R"({"url":"$BASE/from"})")->output, "here");
  pages_["/loop"] = {.status = 301, .headers = {{"Location", "/loop"}}};
  EXPECT_EQ(failure("webfetch", R"({"url":"$BASE/loop"})"), "The page redirects more than 10 times");
  pages_["/file"] = {.status = 302, .headers = {{"Location", "file:///etc/passwd"}}};
  EXPECT_EQ(failure("webfetch", R"({"url":"$BASE/file"})"),
            "The page redirects to file:///etc/passwd, which is not http or https");
}

TEST_F(WebFetch, SaysWhyAPageCouldNotBeRead) {
  EXPECT_EQ(failure("webfetch", R"({"url":"$BASE/none"})"),
            "Request failed with status code: 404 (" + base() + "/none)");
  EXPECT_EQ(failure("webfetch", R"({"url":"ftp://x/"})"), "URL must start with http:// or https://");
  pages_["/big"] = page(std::string(5 * 1024 * 1024 + 1, 'x'), "text/plain");
  EXPECT_EQ(failure("webfetch", R"({"url":"$BASE/big"})"), "Response too large (exceeds 5MB limit)");
  EXPECT_NE(failure("webfetch", R"({"url":"$BASE/silent","timeout":0.2})").find("within 200 ms"), std::string::npos);
  EXPECT_NE(failure("webfetch", R"({"url":"$BASE/a","format":"pdf"})").find(R"(at ["format"])"), std::string::npos);
  stop_.request_stop();
}

TEST_F(WebFetch, ReachesOnlyPublicAddressesUnlessAllowed) {
  pages_["/a"] = page("secret", "text/plain");
  const std::string refused = failure("webfetch", R"({"url":"$BASE/a"})", "{}");
  EXPECT_NE(refused.find("leads to 127.0.0.1, which may not be reached"), std::string::npos) << refused;
  EXPECT_NE(refused.find(fmt::format(R"("allow": ["127.0.0.1:{}"])", server_->port())), std::string::npos) << refused;
  const auto port = server_->port();
  // Forms of the same address, a name that leads there, and a redirect from an allowed place to one that is not.
  for (const auto& url :
       {fmt::format("http://localhost:{}/a", port), fmt::format("http://2130706433:{}/a", port),
        fmt::format("http://0x7f.1:{}/a", port), fmt::format("http://[::ffff:127.0.0.1]:{}/a", port),
        fmt::format("http://0.0.0.0:{}/a", port), fmt::format("http://127.0.0.1:{}@localhost:{}/a", port, port)}) {
    EXPECT_NE(failure("webfetch", R"({"url":")" + url + R"("})").find("may not be reached"), std::string::npos) << url;
  }
  pages_["/away"] = {.status = 302, .headers = {{"Location", fmt::format("http://localhost:{}/a", port)}}};
  EXPECT_NE(failure("webfetch", R"({"url":"$BASE/away"})").find("may not be reached"), std::string::npos);
  EXPECT_EQ(requests_.size(), 1u);  // only /away
}

TEST_F(WebFetch, TakesNetworksAndNamesAsAllowed) {
  pages_["/a"] = page("ok", "text/plain");
  EXPECT_EQ(web("webfetch", R"({"url":"$BASE/a"})", R"({"webfetch":{"allow":["127.0.0.0/8"]}})")->output, "ok");
  EXPECT_EQ(web("webfetch", R"({"url":"$BASE/a"})", R"({"webfetch":{"allow":["127.0.0.1"]}})")->output, "ok");
  EXPECT_NE(
      failure("webfetch", R"({"url":"$BASE/a"})", R"({"webfetch":{"allow":["10.0.0.0/99"]}})").find("10.0.0.0/99"),
      std::string::npos);
}

TEST(ResolveUrl, MakesLocationsAbsolute) {
  EXPECT_EQ(resolve_url("http://h/a/b?q#f", "c"), "http://h/a/c");
  EXPECT_EQ(resolve_url("http://h", "c"), "http://h/c");
  EXPECT_EQ(resolve_url("http://h/a", "/c/d"), "http://h/c/d");
  EXPECT_EQ(resolve_url("https://h/a", "//o/c"), "https://o/c");
  EXPECT_EQ(resolve_url("http://h/a?q", "?r"), "http://h/a?r");
  EXPECT_EQ(resolve_url("http://h/a", "https://o/p?u=http://z"), "https://o/p?u=http://z");
  EXPECT_EQ(resolve_url("http://h/a", "go?u=http://z"), "http://h/go?u=http://z");
}

TEST_F(WebSearch, AsksTheEngineThatIsConfigured) {
  pages_["/search"] = page(R"({"results":[{"title":"One","url":"http://one","content":"first"},
                              {"title":"Two","url":"http://two","content":"second"},{"title":"no address"}]})",
                           "application/json");
  const std::string settings = fmt::format(R"({{"websearch":{{"engine":"searxng","url":"{}/search"}}}})", base());
  const auto result = web("websearch", R"({"query":"a b&c"})", settings);
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ(result->output, "Title: One\nURL: http://one\nfirst\n\nTitle: Two\nURL: http://two\nsecond\n");
  EXPECT_EQ(requests_.back().query_value("q"), "a b&c");
  EXPECT_EQ(web("websearch", R"({"query":"x","numResults":1})", settings)->output,
            "Title: One\nURL: http://one\nfirst\n");
  EXPECT_EQ(host_.asks.at(0).patterns, std::vector<std::string>{"a b&c"});
}

TEST_F(WebSearch, SendsKeysWhereEachEngineWantsThem) {
  const auto settings = [&](std::string engine) {
    return fmt::format(R"({{"websearch":{{"engine":"{}","key":"k1","url":"{}/{}"}}}})", engine, base(), engine);
  };
  pages_["/brave"] = page(R"({"web":{"results":[{"title":"B","url":"http://b","description":"d"}]}})");
  EXPECT_EQ(web("websearch", R"({"query":"q"})", settings("brave"))->output, "Title: B\nURL: http://b\nd\n");
  EXPECT_EQ(*requests_.back().header("x-subscription-token"), "k1");
  pages_["/tavily"] = page(R"({"results":[]})");
  EXPECT_EQ(web("websearch", R"({"query":"q"})", settings("tavily"))->output, "No pages found. Try other words.");
  EXPECT_EQ(*requests_.back().header("authorization"), "Bearer k1");
  EXPECT_EQ(requests_.back().body, R"({"query":"q","max_results":8})");
  pages_["/exa"] = page(R"({"results":[{"title":"E","url":"http://e","text":"t"}]})");
  EXPECT_EQ(web("websearch", R"({"query":"q"})", settings("exa"))->output, "Title: E\nURL: http://e\nt\n");
  EXPECT_EQ(*requests_.back().header("x-api-key"), "k1");
}

TEST_F(WebSearch, IsOfferedOnlyWithAnEngineAndTellsMistakes) {
  EXPECT_FALSE(registry_.find("websearch")->configured({"{}"}));
  EXPECT_TRUE(registry_.find("websearch")->configured({R"({"websearch":{"engine":"exa","key":"k"}})"}));
  EXPECT_TRUE(registry_.find("webfetch")->configured({"{}"}));
  EXPECT_NE(failure("websearch", R"({"query":"q"})", R"({"websearch":{"engine":"ask"}})").find("expected brave, exa"),
            std::string::npos);
  EXPECT_NE(failure("websearch", R"({"query":"q"})", R"({"websearch":{"engine":"exa"}})").find("needs \"key\""),
            std::string::npos);
  pages_["/odd"] = page("<html>", "text/html");
  const std::string odd = fmt::format(R"({{"websearch":{{"engine":"searxng","url":"{}/odd"}}}})", base());
  EXPECT_NE(failure("websearch", R"({"query":"q"})", odd).find("not what searxng documents"), std::string::npos);
}

}  // namespace
}  // namespace quarterdeck::tools
