# One static library per folder, which links only what the include table of CONTRIBUTING allows, and one test
# program per folder from its *_test.cc files: tests are found, not listed.

add_library(starnest_options INTERFACE)
target_compile_options(starnest_options INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wno-sign-conversion
                       -ffp-contract=off -fno-math-errno
                       $<$<CXX_COMPILER_ID:GNU>:-Wno-restrict>)  # g++ 12 warns falsely on std::string
target_include_directories(starnest_options INTERFACE $<BUILD_INTERFACE:${CMAKE_SOURCE_DIR}/src>
                           $<BUILD_INTERFACE:${CMAKE_SOURCE_DIR}/include>)
if(STARNEST_SANITIZE)
  target_compile_options(starnest_options INTERFACE -fsanitize=${STARNEST_SANITIZE} -fno-omit-frame-pointer
                         -fno-sanitize-recover=all)
  target_link_options(starnest_options INTERFACE -fsanitize=${STARNEST_SANITIZE})
endif()

# Several sources are compiled as one: nearly all of the time goes to headers that they share. So names in anonymous
# namespaces are unique within a target.
function(starnest_compile_together target)
  set_target_properties(${target} PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE 8)
endfunction()

# starnest_library(NAME [DEPS targets that includers need too] [PRIVATE_DEPS ...] [APART sources])
# Sources are the *.cc files of this folder and of its subfolders named in FOLDERS. Those named in APART (a pattern) are
# compiled one by one.
function(starnest_library name)
  cmake_parse_arguments(ARG "" "APART" "DEPS;PRIVATE_DEPS;FOLDERS;TEST_DEPS" ${ARGN})
  set(sources)
  set(tests)
  foreach(folder . ${ARG_FOLDERS})
    file(GLOB found CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/${folder}/*.cc)
    foreach(source ${found})
      if(source MATCHES "_test\\.cc$")
        list(APPEND tests ${source})
      else()
        list(APPEND sources ${source})
      endif()
    endforeach()
  endforeach()
  if(sources)
    add_library(starnest_${name} STATIC ${sources})
    starnest_compile_together(starnest_${name})
    if(ARG_APART)
      set(apart ${sources})
      list(FILTER apart INCLUDE REGEX "${ARG_APART}")
      set_source_files_properties(${apart} PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON)
    endif()
    target_link_libraries(starnest_${name} PUBLIC starnest_options ${ARG_DEPS} PRIVATE ${ARG_PRIVATE_DEPS})
  else()
    add_library(starnest_${name} INTERFACE)
    target_link_libraries(starnest_${name} INTERFACE starnest_options ${ARG_DEPS})
  endif()
  if(STARNEST_TESTS AND tests)
    starnest_test(${name}_test unit SOURCES ${tests} DEPS starnest_${name} ${ARG_TEST_DEPS})
  endif()
endfunction()

# starnest_test_on_every_set(TEST_PROGRAM...): runs whole test programs once more on every instruction set of the CPU but
# the one in use, which their cases are run on already. Which sets the machine has is asked when ctest runs: one that it
# lacks is named in a message and has no test.
function(starnest_test_on_every_set)
  set(programs)
  foreach(name ${ARGN})
    string(APPEND programs "  \"$<TARGET_FILE:${name}>\"\n")
  endforeach()
  file(GENERATE OUTPUT ${CMAKE_CURRENT_BINARY_DIR}/instruction_sets.cmake
       CONTENT "set(list_sets \"$<TARGET_FILE:instruction_sets>\")
set(programs\n${programs})
include(\"${CMAKE_SOURCE_DIR}/cmake/instruction_sets.cmake\")\n")
  set_property(DIRECTORY APPEND PROPERTY TEST_INCLUDE_FILES ${CMAKE_CURRENT_BINARY_DIR}/instruction_sets.cmake)
endfunction()

# starnest_test(NAME LABEL SOURCES ... DEPS ... [TIMEOUT seconds]): a GoogleTest program, its cases found by ctest.
function(starnest_test name label)
  cmake_parse_arguments(ARG "" "TIMEOUT" "SOURCES;DEPS" ${ARGN})
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 60)
  endif()
  add_executable(${name} ${ARG_SOURCES})
  starnest_compile_together(${name})
  if(label STREQUAL unit)
    add_dependencies(unit_tests ${name})
  endif()
  target_link_libraries(${name} PRIVATE starnest_options ${ARG_DEPS} GTest::gtest_main)
  # The code under test keeps its optimisation; that of the cases themselves would cost a third of their compile time.
  # Tests of the training side share its precompiled header, and with it its flags.
  if(NOT starnest_train_lib IN_LIST ARG_DEPS)
    target_compile_options(${name} PRIVATE $<$<CONFIG:Release>:-O1>)
  endif()
  target_compile_definitions(${name} PRIVATE STARNEST_SOURCE_DIR="${CMAKE_SOURCE_DIR}"
                             STARNEST_BINARY_DIR="${CMAKE_RUNTIME_OUTPUT_DIRECTORY}")
  # LibTorch's threads wait for each other in a loop; with several tests at a time that starves them for seconds.
  gtest_discover_tests(${name} TEST_PREFIX "${label}." DISCOVERY_TIMEOUT 60
                       PROPERTIES LABELS ${label} TIMEOUT ${ARG_TIMEOUT} ENVIRONMENT OMP_WAIT_POLICY=PASSIVE)
endfunction()
