import unittest

from subdomain import is_ours, login_redirect


class LoginRedirect(unittest.TestCase):
    def test_comes_back_to_the_page_on_the_same_subdomain(self):
        self.assertEqual(login_redirect("https://acme.example.com/reports?week=12"),
                         "https://acme.example.com/reports?week=12")

    def test_a_customer_whose_name_begins_with_w_keeps_its_subdomain(self):
        self.assertEqual(login_redirect("https://widgets.example.com/reports"),
                         "https://widgets.example.com/reports")

    def test_www_is_the_same_as_the_bare_domain(self):
        self.assertEqual(login_redirect("https://www.example.com/pricing"),
                         "https://example.com/pricing")

    def test_case_and_root_dot_do_not_matter(self):
        self.assertTrue(is_ours("ACME.Example.com."))

    def test_a_foreign_site_is_never_a_target(self):
        home = "https://example.com/"
        self.assertEqual(login_redirect("https://evil.test/acme.example.com"), home)
        self.assertEqual(login_redirect("https://notexample.com/"), home)
        self.assertEqual(login_redirect("https://example.com.evil.test/"), home)
        self.assertEqual(login_redirect("javascript:alert(1)"), home)


if __name__ == "__main__":
    unittest.main()
