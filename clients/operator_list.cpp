#include "clients/operator_list.hpp"

#include <algorithm>

#include "clients/admin.hpp"

namespace greenroom::clients {

object_text command(std::string_view name) {
  object_text request;
  request.text("command", name);
  return request;
}

std::string ask(const local_target& where, const object_text& request) {
  return ask_node_in(where.data_dir, request.str(), where.timeout);
}

exit_code print_list(const local_target& where, const paging& page, after_is key,
                     const std::function<object_text()>& request, std::string_view list,
                     const std::function<std::string(std::string_view entry, std::int64_t now_ms)>& describe,
                     terminal& to) {
  auto after = page.after;
  for (std::uint64_t left = page.all ? UINT64_MAX : page.limit; left > 0;) {
    auto asked = request();
    if (!after.empty()) key == after_is::name ? asked.text("after", after) : asked.raw("after", after);
    asked.raw("limit", std::to_string(std::min<std::uint64_t>(left, limits::list_page)));
    const auto answer = ask(where, asked);
    const object_members reply{answer};
    const auto entries = array_elements(reply.raw(list));
    const auto now = std::stoll("0" + reply.text("now_ms"));
    for (const auto& each : entries) to.line(where.as == output::json ? each : describe(each, now));
    left -= std::min<std::uint64_t>(left, entries.size());
    after = reply.text("next");
    if (after.empty()) return exit_code::ok;
  }
  to.note(printable("more follow: --after " + after + ", or --all"));
  return exit_code::ok;
}

}  // namespace greenroom::clients
