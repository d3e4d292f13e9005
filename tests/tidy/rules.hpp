/// RULES are the house rules that a program can check, as functions of text: a rule looks at one file, or at the whole
/// tree, and says what breaks it. tests/tidy_test.cpp runs each over the tree, and over a sample that must fail.
#pragma once

#include "tests/tidy/text.hpp"

namespace greenroom::tidy {

/// A file that may break a rule, and why.
struct question {
  std::string_view path, reason;
};
using questions = std::vector<question>;

// --- one file ---
findings includes_only_what_its_layer_may(const source& s);
findings has_pragma_once(const source& s);
findings explains_itself(const source& s);  ///< headers begin with what and why
findings says_how_an_actor_lives(const source& s);
findings leaves_printing_to_the_command_line(const source& s);
findings never_sleeps(const source& s);        ///< tests: time is passed in, or a condition is awaited
findings keeps_its_checks(const source& s);    ///< no assert, which a release build leaves out
findings opens_no_namespace(const source& s);  ///< headers; the standard's literals are let through
findings has_nothing_left_to_do(const source& s);
findings has_lines_that_fit(const source& s);
findings is_short(const source& s);
findings has_short_functions(const source& s);
findings names_no_machine(const source& s);
findings is_a_whole_decision(const source& s);

// --- the tree ---
findings own_header_comes_first(const tree& all);
findings msgpack_stays_in_one_source(const tree& all);
findings folders_list_their_files(const tree& all);
findings links_lead_somewhere(const tree& all);
findings decisions_are_listed(const tree& all);
findings the_protocol_is_documented(const tree& all);  ///< methods and close codes
findings the_metrics_are_documented(const tree& all);

/// The rule over every file, without those that are in question; a question that nobody asks any more is a finding.
findings each(const tree& all, findings (*rule)(const source&), const questions& allowed = {});

}  // namespace greenroom::tidy
