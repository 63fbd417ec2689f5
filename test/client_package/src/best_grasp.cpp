// Picks the best of some grasps: the least that a C++ client does with the interfaces.
#include <algorithm>
#include <iostream>
#include <string>

#include "dexgrasp_msgs/action/synthesize_grasps.hpp"
#include "dexgrasp_msgs/msg/error_code.hpp"

using dexgrasp_msgs::action::SynthesizeGrasps;
using dexgrasp_msgs::msg::ErrorCode;

// Usage: best_grasp SCORE... ; prints the error code and the object of the best grasp.
int main(int argc, char ** argv)
{
  SynthesizeGrasps::Result result;
  for (int i = 1; i < argc; ++i) {
    auto & grasp = result.grasps.grasps.emplace_back();
    grasp.object_id = "object_" + std::to_string(i);
    grasp.quality.score = std::stod(argv[i]);
  }
  const auto & grasps = result.grasps.grasps;
  result.error_code = grasps.empty() ? ErrorCode::NO_GRASP_FOUND : ErrorCode::SUCCESS;
  const auto best = std::max_element(
    grasps.begin(), grasps.end(),
    [](const auto & a, const auto & b) {return a.quality.score < b.quality.score;});
  std::cout << result.error_code << " " << (best == grasps.end() ? "none" : best->object_id) << "\n";
}
