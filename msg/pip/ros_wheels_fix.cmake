# Only for builds against the PyPI wheels of ROS, not against a ROS from apt: the wheels' exported
# targets carry include paths of the container that they were built in (/opt/python/cp3XX-cp3XX/...),
# which do not exist elsewhere and which CMake therefore refuses.
# Use: -DCMAKE_PROJECT_INCLUDE=<absolute path of this file>
cmake_minimum_required(VERSION 3.21)

function(_ros_wheels_fix_targets)
  get_property(targets DIRECTORY PROPERTY IMPORTED_TARGETS)
  foreach(target IN LISTS targets)
    get_target_property(folders ${target} INTERFACE_INCLUDE_DIRECTORIES)
    if(folders)
      list(FILTER folders EXCLUDE REGEX "^/opt/python/")
      set_target_properties(${target} PROPERTIES INTERFACE_INCLUDE_DIRECTORIES "${folders}")
    endif()
  endforeach()
endfunction()

# Deferred: the targets exist only after the project's find_package calls.
cmake_language(DEFER CALL _ros_wheels_fix_targets)
