# `cmake --install`: the program, the public headers, and the static libraries behind them as one package. A program
# outside says find_package(starnest) and links starnest::starnest.
include(CMakePackageConfigHelpers)

# Our warnings and paths are no business of a program outside.
get_target_property(options starnest_options INTERFACE_COMPILE_OPTIONS)
set_target_properties(starnest_options PROPERTIES INTERFACE_COMPILE_OPTIONS "$<BUILD_INTERFACE:${options}>")
target_include_directories(starnest_options INTERFACE $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
target_compile_features(starnest_options INTERFACE cxx_std_20)

add_library(starnest_package INTERFACE)
target_link_libraries(starnest_package INTERFACE starnest_generate)
set_target_properties(starnest_package PROPERTIES EXPORT_NAME starnest)

set(starnest_config_folder ${CMAKE_INSTALL_LIBDIR}/cmake/starnest)
install(TARGETS starnest RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(TARGETS starnest_package starnest_generate starnest_engine starnest_model starnest_kernels starnest_arch starnest_format
                starnest_nest starnest_base starnest_options
        EXPORT starnestTargets ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(DIRECTORY include/starnest DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(FILES LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(EXPORT starnestTargets NAMESPACE starnest:: DESTINATION ${starnest_config_folder})

configure_package_config_file(cmake/starnestConfig.cmake.in ${PROJECT_BINARY_DIR}/starnestConfig.cmake
                              INSTALL_DESTINATION ${starnest_config_folder})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/starnestConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/starnestConfig.cmake ${PROJECT_BINARY_DIR}/starnestConfigVersion.cmake
        DESTINATION ${starnest_config_folder})
