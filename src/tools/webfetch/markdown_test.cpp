#include "tools/webfetch/markdown.hpp"

#include <gtest/gtest.h>

#include "tools/webfetch/html.hpp"

namespace quarterdeck::tools {
namespace {

struct Page {
  const char* name;
  const char* html;
  const char* markdown;
};
void PrintTo(const Page& page, std::ostream* out) { *out << page.name; }

class Markdown : public ::testing::TestWithParam<Page> {};

TEST_P(Markdown, IsWhatTurndownMakesOfThePage) {
  const auto markdown = html_to_markdown(GetParam().html);
  ASSERT_TRUE(markdown);
  EXPECT_EQ(*markdown, GetParam().markdown);
}

// The answers of Turndown 7.2.5 with headingStyle atx, hr ---, bulletListMarker -, codeBlockStyle fenced, emDelimiter *.
INSTANTIATE_TEST_SUITE_P(
    Pages, Markdown,
    ::testing::Values(
        Page{"headings", R"html(<h1>One <em>two</em></h1><h6>Six</h6><p>Text</p>)html",
             "# One *two*\n\n###### Six\n\nText"},
        Page{
            "lists",
            R"html(<ul><li>a</li><li>b<ul><li>c</li></ul></li></ul><ol start="9"><li>x</li><li><p>y</p><p>z</p></li></ol>)html",
            "-   a\n-   b\n    -   c\n\n9.  x\n10.  y\n     \n     z"},
        Page{"code", R"html(<p>Use <code>a`b</code> and <code> c </code>.</p><pre><code class="hl language-c++">int a;
```
return;
</code></pre><pre>plain
  text</pre>)html",
             "Use ``a`b`` and `c` .\n\n````c++\nint a;\n```\nreturn;\n````\n\nplain\n  text"},
        Page{
            "links",
            R"html(<a href="http://x/y z(1)" title="T &quot;q&quot;">a <b>b</b></a> <a>no</a> <img src="/p(1).png" alt="a_b" title="t"><img alt="none">)html",
            "[a **b**](<http://x/y z\\(1\\)> \"T \\\"q\\\"\") no ![a\\_b](/p\\(1\\).png \"t\")"},
        Page{"blanks", R"html(<p>  a   <b> b </b>
 c<br>d </p><div> 
 </div><span> e</span><i> </i>f &nbsp;<b>&nbsp;g</b>)html",
             "a **b** c  \nd\n\ne f \u00a0\u00a0**g**"},
        Page{
            "escapes",
            R"html(<p>1. x</p><p>- y</p><p># z</p><p>*a* _b_ [c] `d` \ e</p><p>> q</p><p>+ p</p><p>~~~ t</p><p>=== u</p>)html",
            "1\\. x\n\n\\- y\n\n\\# z\n\n\\*a\\* \\_b\\_ \\[c\\] \\`d\\` \\\\ e\n\n\\> q\n\n\\+ p\n\n\\~~~ t\n\n\\=== "
            "u"},
        Page{"quote", R"html(<blockquote><p>a</p><p>b<br>c</p></blockquote><hr><p>end</p>)html",
             "> a\n> \n> b  \n> c\n\n---\n\nend"},
        Page{"table", R"html(<table><tr><th>H</th><td>d</td></tr><tr><td></td><td>e</td></tr></table>)html",
             "H\n\nd\n\ne"},
        Page{
            "page",
            R"html(<!DOCTYPE html><html><head><title>Title</title><style>p{}</style><script>x()</script><meta charset=utf-8></head><body><nav><a href="/">Home</a></nav><main><h2>Main</h2><p>Body &amp; soul</p></main><noscript>js?</noscript></body></html>)html",
            "Title\n\n[Home](/)\n\n## Main\n\nBody & soul\n\njs?"},
        Page{"broken", R"html(<p>one<p>two<div>three<b>four<i>five</b>six</i></div><li>loose</li></ul>tail)html",
             "one\n\ntwo\n\nthree**four*five****six*\n\n-   loose\ntail"},
        Page{"nothing", R"html()html", ""},
        Page{"entities", R"html(&lt;b&gt; &copy; &#x1F600; &nope; &amp)html", "<b> © 😀 &nope; &"}),
    [](const auto& page) { return std::string(page.param.name); });

std::string repeated(std::string_view piece, int times) {
  std::string out;
  for (int i = 0; i < times; ++i) out += piece;
  return out;
}

TEST(Markdown, RefusesPagesThatAreNestedBeyondReason) {
  const auto markdown = html_to_markdown(repeated("<div>", 100'000) + "x");
  ASSERT_FALSE(markdown);
  EXPECT_EQ(markdown.error().code, ErrorCode::too_large);
}

TEST(Markdown, ReadsALongListOfUnclosedItems) {
  const auto markdown = html_to_markdown("<ol>" + repeated("<li>a <b>b</b>", 20'000));
  ASSERT_TRUE(markdown);
  EXPECT_TRUE(markdown->ends_with("20000.  a **b**")) << markdown->substr(markdown->size() - 40);
}

TEST(Markdown, RefusesPagesThatMultiplyThemselves) {
  std::string fonts;
  for (int i = 0; i < 500; ++i) fonts += "<font color=" + std::to_string(i) + ">";
  const auto markdown = html_to_markdown(fonts + repeated("<p>x<div></div>", 300'000));
  ASSERT_FALSE(markdown);
  EXPECT_EQ(markdown.error().code, ErrorCode::too_large);
}

TEST(PlainText, HoldsWhatAReaderSees) {
  EXPECT_EQ(*html::plain_text(" <p>a <b>b</b></p><script>x()</script><style>y</style><iframe>z</iframe>\n c "),
            "a b\n c");
  EXPECT_EQ(*html::plain_text(""), "");
}

}  // namespace
}  // namespace quarterdeck::tools
