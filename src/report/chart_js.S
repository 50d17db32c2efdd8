// Chart.js as bytes of the program; STARNEST_CHART_JS is its file.
    .section .rodata
    .global starnest_chart_js_begin
    .global starnest_chart_js_end
starnest_chart_js_begin:
    .incbin STARNEST_CHART_JS
starnest_chart_js_end:
    .byte 0
    .section .note.GNU-stack, "", @progbits
